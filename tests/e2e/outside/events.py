import json

events = client("events")
pattern = {"source": ["shop"], "detail": {"amount": [{"numeric": [">", 10]}]}}
rule = dict(Name="sold", EventPattern=json.dumps(pattern), State="ENABLED", Description="something was sold")
arn = events.put_rule(**rule, Tags=tags({"Name": "shop"}))["RuleArn"]
same("arn", arn, f"arn:aws:events:{REGION}:{ACCOUNT}:rule/sold")
holds("rule", events.describe_rule(Name="sold"), **rule, Arn=arn, EventBusName="default")
same("listed", [r["Name"] for r in events.list_rules(NamePrefix="so")["Rules"]], ["sold"])
same("tags", events.list_tags_for_resource(ResourceARN=arn)["Tags"], tags({"Name": "shop"}))
events.tag_resource(ResourceARN=arn, Tags=tags({"Stage": "test"}))
events.untag_resource(ResourceARN=arn, TagKeys=["Name"])
same("tags", events.list_tags_for_resource(ResourceARN=arn)["Tags"], tags({"Stage": "test"}))
queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
targets = [
    {
        "Id": "one", "Arn": queue, "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
        "InputTransformer": {"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": '"sold <id>"'},
    },
    {"Id": "two", "Arn": queue, "InputPath": "$.detail", "DeadLetterConfig": {"Arn": queue}},
    {"Id": "three", "Arn": queue},
]
same("targets", events.put_targets(Rule="sold", Targets=targets)["FailedEntryCount"], 0)
items, count = pages(events, "list_targets_by_rule", "Targets", 2, Rule="sold")
same("by pages", (sorted(t["Id"] for t in items), count), (["one", "three", "two"], 2))
same("whole", [t for t in items if t["Id"] == "one"], targets[:1])
same("by target", events.list_rule_names_by_target(TargetArn=queue)["RuleNames"], ["sold"])
refused("ValidationException", events.delete_rule, Name="sold")
events.disable_rule(Name="sold")
same("state", events.describe_rule(Name="sold")["State"], "DISABLED")
events.put_rule(Name="sold", ScheduleExpression="rate(5 minutes)")
found = events.describe_rule(Name="sold")
same("replaced", (found.get("EventPattern"), found.get("Description"), found["State"]), (None, None, "ENABLED"))
same("tags stay", events.list_tags_for_resource(ResourceARN=arn)["Tags"], tags({"Stage": "test"}))
events.remove_targets(Rule="sold", Ids=["one", "two", "three"])
same("none", events.list_targets_by_rule(Rule="sold")["Targets"], [])
refused("ValidationException", events.put_rule, Name="x")
refused("ValidationException", events.put_rule, Name="x", ScheduleExpression="rate(1 minutes)")
refused("InvalidEventPatternException", events.put_rule, Name="x", EventPattern='{"source": "shop"}')
refused("ResourceNotFoundException", events.put_rule, Name="x", EventPattern='{"source": ["a"]}', EventBusName="nobody")
refused("ResourceNotFoundException", events.describe_rule, Name="nobody")
refused("ResourceNotFoundException", events.put_targets, Rule="nobody", Targets=targets)
refused("ValidationException", events.put_targets, Rule="sold", Targets=[{"Id": "a", "Arn": "nonsense"}])
events.delete_rule(Name="sold")
events.delete_rule(Name="sold")
refused("ResourceNotFoundException", events.describe_rule, Name="sold")

bus = events.create_event_bus(Name="shop", Tags=tags({"Name": "shop"}))["EventBusArn"]
same("bus", bus, f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/shop")
refused("ResourceAlreadyExistsException", events.create_event_bus, Name="shop")
same("listed", sorted(b["Name"] for b in events.list_event_buses()["EventBuses"]), ["default", "shop"])
for number in range(3):
    events.put_rule(Name=f"r{number}", EventBusName=bus, EventPattern='{"source": ["a"]}')
items, count = pages(events, "list_rules", "Rules", 2, EventBusName="shop")
same("by pages", (len(items), count), (3, 2))
same("arn", items[0]["Arn"], f"arn:aws:events:{REGION}:{ACCOUNT}:rule/shop/r0")
same("not of the default bus", events.list_rules()["Rules"], [])
refused("ValidationException", events.put_rule, Name="x", EventBusName="shop", ScheduleExpression="rate(1 day)")
for number in range(3):
    events.delete_rule(Name=f"r{number}", EventBusName="shop")
events.delete_event_bus(Name="shop")
refused("ResourceNotFoundException", events.describe_event_bus, Name="shop")
