sns = client("sns")

topic = sns.create_topic(
    Name="alarms", Attributes={"DisplayName": "Alarms"}, Tags=tags({"Name": "shop"})
)["TopicArn"]
same("arn", topic, f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms")
same("the same again", sns.create_topic(Name="alarms", Attributes={"DisplayName": "Alarms"}, Tags=tags({"Name": "shop"}))["TopicArn"], topic)


def attributes():
    return sns.get_topic_attributes(TopicArn=topic)["Attributes"]


holds("topic", attributes(), DisplayName="Alarms", Owner=ACCOUNT, TopicArn=topic, SubscriptionsConfirmed="0")
sns.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns")
same("key", attributes()["KmsMasterKeyId"], "alias/aws/sns")
same("tags", sns.list_tags_for_resource(ResourceArn=topic)["Tags"], tags({"Name": "shop"}))
sns.tag_resource(ResourceArn=topic, Tags=tags({"Stage": "test"}))
sns.untag_resource(ResourceArn=topic, TagKeys=["Name"])
same("tags", sns.list_tags_for_resource(ResourceArn=topic)["Tags"], tags({"Stage": "test"}))
refused("NotFound", sns.get_topic_attributes, TopicArn=topic + "x")
refused("InvalidParameter", sns.create_topic, Name="no spaces allowed")

waiting = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com", ReturnSubscriptionArn=True)
true("an address has to confirm", "SubscriptionArn" in waiting)
queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:work"
subscription = sns.subscribe(
    TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}, ReturnSubscriptionArn=True
)["SubscriptionArn"]
found = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
holds("subscription", found, Protocol="sqs", Endpoint=queue, RawMessageDelivery="true", TopicArn=topic)
sns.set_subscription_attributes(
    SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue='{"kind": ["paid"]}'
)
found = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
true("filter", "paid" in found["FilterPolicy"])
found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
same("subscriptions", sorted(item["Protocol"] for item in found), ["email", "sqs"])
sns.unsubscribe(SubscriptionArn=subscription)
refused("NotFound", sns.get_subscription_attributes, SubscriptionArn=subscription)
fifo = sns.create_topic(Name="orders.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
holds("fifo", sns.get_topic_attributes(TopicArn=fifo)["Attributes"], FifoTopic="true", ContentBasedDeduplication="true")
sns.delete_topic(TopicArn=topic)
refused("NotFound", sns.get_topic_attributes, TopicArn=topic)
sns.delete_topic(TopicArn=topic)
