tagging = client("resourcegroupstaggingapi")
vpc = client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags({"app": "shop", "stage": "test"})}])["Vpc"]["VpcId"]
topic = client("sns").create_topic(Name="alarms", Tags=tags({"app": "shop"}))["TopicArn"]
key = client("kms").create_key(Tags=[{"TagKey": "app", "TagValue": "shop"}])["KeyMetadata"]["Arn"]
client("logs").create_log_group(logGroupName="/shop", tags={"app": "bank"})
vpc_arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/{vpc}"


def arns(**filters):
    found = tagging.get_resources(**filters)["ResourceTagMappingList"]
    return sorted(item["ResourceARN"] for item in found)


same("by tag", arns(TagFilters=[{"Key": "app", "Values": ["shop"]}]), sorted([vpc_arn, topic, key]))
both = [{"Key": "app", "Values": ["shop"]}, {"Key": "stage", "Values": ["test"]}]
same("by two tags", arns(TagFilters=both), [vpc_arn])
same("by type", arns(TagFilters=[{"Key": "app"}], ResourceTypeFilters=["sns"]), [topic])
same("by ARN", arns(ResourceARNList=[key]), [key])
items, count = pages(tagging, "get_resources", "ResourceTagMappingList", 1, TagFilters=[{"Key": "app", "Values": ["shop"]}])
same("by pages", (len(items), count), (3, 3))
same("keys", {"app", "stage"} <= set(tagging.get_tag_keys()["TagKeys"]), True)
same("another region", client("resourcegroupstaggingapi", "us-west-2").get_resources(TagFilters=[{"Key": "app"}])["ResourceTagMappingList"], [])
