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
logs.delete_log_group(logGroupName="/shop/web")
same("gone", logs.describe_log_groups(logGroupNamePrefix="/shop/web")["logGroups"], [])
