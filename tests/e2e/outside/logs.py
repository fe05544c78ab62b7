logs = client("logs")

logs.create_log_group(logGroupName="/shop/web", tags={"Name": "shop"})
refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="/shop/web")


def group(name="/shop/web"):
    return logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]


found = group()
arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/shop/web"
holds("group", found, logGroupName="/shop/web", arn=arn + ":*", logGroupArn=arn, logGroupClass="STANDARD", storedBytes=0)
true("kept for ever", "retentionInDays" not in found)
logs.put_retention_policy(logGroupName="/shop/web", retentionInDays=30)
same("retention", group()["retentionInDays"], 30)
refused("InvalidParameterException", logs.put_retention_policy, logGroupName="/shop/web", retentionInDays=8)
logs.delete_retention_policy(logGroupName="/shop/web")
true("kept for ever", "retentionInDays" not in group())
same("tags", logs.list_tags_for_resource(resourceArn=arn)["tags"], {"Name": "shop"})
logs.tag_resource(resourceArn=arn, tags={"Stage": "test"})
logs.untag_resource(resourceArn=arn, tagKeys=["Name"])
same("tags", logs.list_tags_for_resource(resourceArn=arn)["tags"], {"Stage": "test"})
logs.create_log_group(logGroupName="/shop/rare", logGroupClass="INFREQUENT_ACCESS")
same("class", group("/shop/rare")["logGroupClass"], "INFREQUENT_ACCESS")
for number in range(4):
    logs.create_log_group(logGroupName=f"/page/{number}")
items, count = pages(logs, "describe_log_groups", "logGroups", 2, logGroupNamePrefix="/page/")
same("by pages", (len(items), count), (4, 2))
refused("ResourceNotFoundException", logs.delete_log_group, logGroupName="/nobody")
refused("ResourceNotFoundException", logs.put_retention_policy, logGroupName="/nobody", retentionInDays=1)
metric = dict(metricName="Errors", metricNamespace="shop", metricValue="1", dimensions={"route": "$.route"}, unit="Count")
for number in range(3):
    logs.put_metric_filter(
        logGroupName="/shop/web", filterName=f"errors-{number}", filterPattern="ERROR", metricTransformations=[metric]
    )
items, count = pages(logs, "describe_metric_filters", "metricFilters", 2, logGroupName="/shop/web")
same("by pages", (len(items), count), (3, 2))
holds("filter", items[0], filterName="errors-0", filterPattern="ERROR", metricTransformations=[metric], logGroupName="/shop/web")
same("by prefix", len(logs.describe_metric_filters(logGroupName="/shop/web", filterNamePrefix="errors-1")["metricFilters"]), 1)
same("counted", group()["metricFilterCount"], 3)
refused("ResourceNotFoundException", logs.describe_metric_filters, logGroupName="/nobody")
refused("InvalidParameterException", logs.describe_metric_filters, metricName="Errors")
logs.delete_metric_filter(logGroupName="/shop/web", filterName="errors-0")
refused("ResourceNotFoundException", logs.delete_metric_filter, logGroupName="/shop/web", filterName="errors-0")

subscription = dict(
    logGroupName="/shop/web", filterPattern="", destinationArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:destination:central",
    distribution="ByLogStream",
)
for name in ("one", "two"):
    logs.put_subscription_filter(filterName=name, **subscription)
refused("LimitExceededException", logs.put_subscription_filter, filterName="three", **subscription)
refused(
    "InvalidParameterException", logs.put_subscription_filter,
    **{**subscription, "filterName": "two", "destinationArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"},
)
found = logs.describe_subscription_filters(logGroupName="/shop/web")["subscriptionFilters"]
holds("subscription", found[0], filterName="one", **subscription)
logs.delete_subscription_filter(logGroupName="/shop/web", filterName="one")
same("one is left", len(logs.describe_subscription_filters(logGroupName="/shop/web")["subscriptionFilters"]), 1)

query = logs.put_query_definition(name="errors", queryString="fields @message", logGroupNames=["/shop/web"])["queryDefinitionId"]
found = logs.describe_query_definitions(queryDefinitionNamePrefix="err")["queryDefinitions"][0]
holds("query", found, queryDefinitionId=query, name="errors", queryString="fields @message", logGroupNames=["/shop/web"])
logs.put_query_definition(queryDefinitionId=query, name="all", queryString="fields @message")
holds("changed", logs.describe_query_definitions()["queryDefinitions"][0], queryDefinitionId=query, name="all", logGroupNames=[])
same("success", logs.delete_query_definition(queryDefinitionId=query)["success"], True)
refused("ResourceNotFoundException", logs.delete_query_definition, queryDefinitionId=query)
logs.delete_log_group(logGroupName="/shop/web")
same("gone", logs.describe_log_groups(logGroupNamePrefix="/shop/web")["logGroups"], [])
