import json

sqs = client("sqs")

url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "45"}, tags={"Name": "shop"})["QueueUrl"]
true("url", url.endswith(f"/{ACCOUNT}/jobs"))
arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
same("the same again", sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "45"})["QueueUrl"], url)
refused("QueueAlreadyExists", sqs.create_queue, QueueName="jobs", Attributes={"VisibilityTimeout": "46"})
same("by name", sqs.get_queue_url(QueueName="jobs")["QueueUrl"], url)


def attributes(*names, queue=url):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names or ["All"])).get("Attributes", {})


holds(
    "queue", attributes(), QueueArn=arn, VisibilityTimeout="45", MaximumMessageSize="1048576", MessageRetentionPeriod="345600",
    DelaySeconds="0", ReceiveMessageWaitTimeSeconds="0", SqsManagedSseEnabled="true", ApproximateNumberOfMessages="0",
)
same("one attribute", attributes("QueueArn"), {"QueueArn": arn})
same("none is asked for", sqs.get_queue_attributes(QueueUrl=url).get("Attributes"), None)

sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "5", "KmsMasterKeyId": "alias/aws/sqs"})
until("the change spreads", lambda: attributes()["DelaySeconds"] == "5")
holds("queue", attributes(), KmsMasterKeyId="alias/aws/sqs", KmsDataKeyReusePeriodSeconds="300", SqsManagedSseEnabled="false")
refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes={"KmsMasterKeyId": "a", "SqsManagedSseEnabled": "true"})
sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"})
until("the change spreads", lambda: attributes()["SqsManagedSseEnabled"] == "true")
true("no key", "KmsMasterKeyId" not in attributes())
refused("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={"DelaySeconds": "901"})
refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=url, Attributes={"QueueArn": arn})

dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
redrive = {"deadLetterTargetArn": arn.replace("jobs", "dead"), "maxReceiveCount": 3}
sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(redrive)})
until("the change spreads", lambda: "RedrivePolicy" in attributes())
same("redrive", json.loads(attributes()["RedrivePolicy"]), redrive)
same("sources", sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url])
nowhere = json.dumps({"deadLetterTargetArn": arn + "x", "maxReceiveCount": 3})
refused("InvalidParameterValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": nowhere})

policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
until("the change spreads", lambda: "Policy" in attributes())
same("policy", json.loads(attributes()["Policy"]), policy)
refused("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": "none"})

same("tags", sqs.list_queue_tags(QueueUrl=url)["Tags"], {"Name": "shop"})
sqs.tag_queue(QueueUrl=url, Tags={"Stage": "test"})
sqs.untag_queue(QueueUrl=url, TagKeys=["Name"])
same("tags", sqs.list_queue_tags(QueueUrl=url)["Tags"], {"Stage": "test"})
tagged = client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["sqs"])["ResourceTagMappingList"]
same("tags of all services", [(t["ResourceARN"], t["Tags"]) for t in tagged], [(arn, tags({"Stage": "test"}))])

fifo = sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
holds(
    "fifo", attributes(queue=fifo), FifoQueue="true", ContentBasedDeduplication="false", DeduplicationScope="queue",
    FifoThroughputLimit="perQueue",
)
refused("InvalidParameterValue", sqs.create_queue, QueueName="orders", Attributes={"FifoQueue": "true"})
refused("InvalidAttributeName", sqs.create_queue, QueueName="plain", Attributes={"FifoQueue": "false"})
refused("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=fifo, Attributes={"FifoThroughputLimit": "perMessageGroupId"})

found, count = pages(sqs, "list_queues", "QueueUrls", 2)
same("queues", sorted(found), sorted([url, dead, fifo]))
same("pages", count, 2)
same("by prefix", sqs.list_queues(QueueNamePrefix="jo")["QueueUrls"], [url])
sqs.delete_queue(QueueUrl=url)
refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_attributes, QueueUrl=url)
refused("AWS.SimpleQueueService.NonExistentQueue", sqs.delete_queue, QueueUrl=url)
