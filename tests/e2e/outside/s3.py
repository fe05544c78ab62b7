import hashlib
import io
import urllib.error
import urllib.request

from boto3.s3.transfer import TransferConfig

s3 = client("s3")
west = client("s3", "us-west-2")

same("location", s3.create_bucket(Bucket="shop-data")["Location"], "/shop-data")
s3.create_bucket(Bucket="shop-data")
refused("IllegalLocationConstraintException", west.create_bucket, Bucket="shop-west")
place = {"LocationConstraint": "us-west-2", "Tags": tags({"Name": "west"})}
same("location", west.create_bucket(Bucket="shop-west", CreateBucketConfiguration=place)["Location"], "http://shop-west.s3.amazonaws.com/")
refused("BucketAlreadyOwnedByYou", west.create_bucket, Bucket="shop-west", CreateBucketConfiguration=place)
same("tags", west.get_bucket_tagging(Bucket="shop-west")["TagSet"], tags({"Name": "west"}))
refused("InvalidBucketName", s3.create_bucket, Bucket="Shop_Data")
same("us-east-1", s3.get_bucket_location(Bucket="shop-data")["LocationConstraint"], None)
same("us-west-2", s3.get_bucket_location(Bucket="shop-west")["LocationConstraint"], "us-west-2")
same("head", s3.head_bucket(Bucket="shop-data")["BucketRegion"], "us-east-1")
same("found where it is", s3.head_bucket(Bucket="shop-west")["BucketRegion"], "us-west-2")
refused("404", s3.head_bucket, Bucket="shop-none")
refused("NoSuchBucket", s3.list_objects_v2, Bucket="shop-none")
same("buckets", [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]], ["shop-data", "shop-west"])
same("pages", pages(s3, "list_buckets", "Buckets", 1)[1], 2)

# Objects.
put = s3.put_object(Bucket="shop-data", Key="a/b c+ü.txt", Body=b"hello", ContentType="text/plain", Metadata={"by": "me"}, CacheControl="no-store")
same("etag", put["ETag"], f'"{hashlib.md5(b"hello").hexdigest()}"')
same("encryption", put["ServerSideEncryption"], "AES256")
got = s3.get_object(Bucket="shop-data", Key="a/b c+ü.txt")
same("body", got["Body"].read(), b"hello")
holds("object", got, ContentType="text/plain", ContentLength=5, Metadata={"by": "me"}, CacheControl="no-store", ETag=put["ETag"])
holds("head", s3.head_object(Bucket="shop-data", Key="a/b c+ü.txt"), ContentLength=5, Metadata={"by": "me"}, ETag=put["ETag"])
part = s3.get_object(Bucket="shop-data", Key="a/b c+ü.txt", Range="bytes=1-2")
holds("range", part, ContentRange="bytes 1-2/5", ContentLength=2)
same("range", (part["Body"].read(), part["ResponseMetadata"]["HTTPStatusCode"]), (b"el", 206))
refused("InvalidRange", s3.get_object, Bucket="shop-data", Key="a/b c+ü.txt", Range="bytes=9-")
refused("NoSuchKey", s3.get_object, Bucket="shop-data", Key="none")
refused("404", s3.head_object, Bucket="shop-data", Key="none")
refused("304", s3.get_object, Bucket="shop-data", Key="a/b c+ü.txt", IfNoneMatch=put["ETag"])
refused("PreconditionFailed", s3.get_object, Bucket="shop-data", Key="a/b c+ü.txt", IfMatch='"0"')
refused("PreconditionFailed", s3.put_object, Bucket="shop-data", Key="a/b c+ü.txt", Body=b"x", IfNoneMatch="*")
refused("BadDigest", s3.put_object, Bucket="shop-data", Key="bad", Body=b"x", ChecksumSHA256="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
s3.put_object(Bucket="shop-data", Key="empty")
same("nothing", s3.get_object(Bucket="shop-data", Key="empty")["Body"].read(), b"")
# What does not know its length comes in chunks.
s3.put_object(Bucket="shop-data", Key="sum", Body=b"sum", ChecksumAlgorithm="SHA256")
true("sum", s3.head_object(Bucket="shop-data", Key="sum", ChecksumMode="ENABLED").get("ChecksumSHA256"))
copy = s3.copy_object(Bucket="shop-data", Key="a/copy", CopySource={"Bucket": "shop-data", "Key": "a/b c+ü.txt"})
same("copy", copy["CopyObjectResult"]["ETag"], put["ETag"])
holds("copy", s3.head_object(Bucket="shop-data", Key="a/copy"), ContentType="text/plain", Metadata={"by": "me"})
s3.put_object_tagging(Bucket="shop-data", Key="a/copy", Tagging={"TagSet": tags({"x": "1"})})
same("tags", s3.get_object_tagging(Bucket="shop-data", Key="a/copy")["TagSet"], tags({"x": "1"}))

# Lists.
names = [f"list/{n:02}/{m}" for n in range(4) for m in range(3)]
for name in names:
    s3.put_object(Bucket="shop-data", Key=name, Body=name.encode())
items, count = pages(s3, "list_objects_v2", "Contents", 5, Bucket="shop-data", Prefix="list/")
same("keys", ([item["Key"] for item in items], count), (names, 3))
items, count = pages(s3, "list_objects", "Contents", 5, Bucket="shop-data", Prefix="list/")
same("keys", ([item["Key"] for item in items], count), (names, 3))
folded = s3.list_objects_v2(Bucket="shop-data", Prefix="list/", Delimiter="/", MaxKeys=3)
same("folded", [one["Prefix"] for one in folded["CommonPrefixes"]], ["list/00/", "list/01/", "list/02/"])
same("folded", (folded["KeyCount"], folded["IsTruncated"]), (3, True))
rest = s3.list_objects_v2(Bucket="shop-data", Prefix="list/", Delimiter="/", ContinuationToken=folded["NextContinuationToken"])
same("the rest", [one["Prefix"] for one in rest["CommonPrefixes"]], ["list/03/"])
same("behind", s3.list_objects_v2(Bucket="shop-data", Prefix="list/", StartAfter="list/03/1")["KeyCount"], 1)
same("names", s3.list_objects_v2(Bucket="shop-data", Prefix="a/")["Contents"][0]["Key"], "a/b c+ü.txt")

# In parts.
large = bytes(range(256)) * (11 * 4096)
s3.upload_fileobj(io.BytesIO(large), "shop-data", "large", Config=TransferConfig(multipart_threshold=1, multipart_chunksize=5 * 1024 * 1024))
head = s3.head_object(Bucket="shop-data", Key="large")
same("size", head["ContentLength"], len(large))
true("etag", head["ETag"].endswith('-3"'))
back = io.BytesIO()
s3.download_fileobj("shop-data", "large", back)
true("the same", back.getvalue() == large)
begun = s3.create_multipart_upload(Bucket="shop-data", Key="parts")["UploadId"]
same("uploads", [one["Key"] for one in s3.list_multipart_uploads(Bucket="shop-data")["Uploads"]], ["parts"])
tag = s3.upload_part(Bucket="shop-data", Key="parts", UploadId=begun, PartNumber=2, Body=b"x")["ETag"]
same("parts", [one["PartNumber"] for one in s3.list_parts(Bucket="shop-data", Key="parts", UploadId=begun)["Parts"]], [2])
wrong_part = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
refused("InvalidPart", s3.complete_multipart_upload, Bucket="shop-data", Key="parts", UploadId=begun, MultipartUpload=wrong_part)
s3.abort_multipart_upload(Bucket="shop-data", Key="parts", UploadId=begun)
refused("NoSuchUpload", s3.list_parts, Bucket="shop-data", Key="parts", UploadId=begun)

# Whoever has a signed address.
for version in ["s3", "s3v4"]:
    signer = boto3.client("s3", region_name=REGION, endpoint_url=URL, config=Config(signature_version=version, s3={"addressing_style": "path"}))
    address = signer.generate_presigned_url("put_object", Params={"Bucket": "shop-data", "Key": f"signed/{version}"})
    urllib.request.urlopen(urllib.request.Request(address, data=b"signed", method="PUT", headers={"Content-Type": ""})).read()
    address = signer.generate_presigned_url("get_object", Params={"Bucket": "shop-data", "Key": f"signed/{version}"})
    same(version, urllib.request.urlopen(address).read(), b"signed")
try:
    urllib.request.urlopen(signer.generate_presigned_url("get_object", Params={"Bucket": "shop-data", "Key": "none"}))
    fail("there is no such object")
except urllib.error.HTTPError as error:
    true("an error", error.code == 404 and b"<Code>NoSuchKey</Code>" in error.read())

# Versions.
refused("BucketNotEmpty", s3.delete_bucket, Bucket="shop-data")
west.put_object(Bucket="shop-west", Key="k", Body=b"0")
west.put_bucket_versioning(Bucket="shop-west", VersioningConfiguration={"Status": "Enabled"})
same("versioning", west.get_bucket_versioning(Bucket="shop-west")["Status"], "Enabled")
first = west.put_object(Bucket="shop-west", Key="k", Body=b"1")["VersionId"]
marker = west.delete_object(Bucket="shop-west", Key="k")
true("marker", marker["DeleteMarker"])
refused("NoSuchKey", west.get_object, Bucket="shop-west", Key="k")
refused("MethodNotAllowed", west.get_object, Bucket="shop-west", Key="k", VersionId=marker["VersionId"])
same("version", west.get_object(Bucket="shop-west", Key="k", VersionId=first)["Body"].read(), b"1")
same("before", west.get_object(Bucket="shop-west", Key="k", VersionId="null")["Body"].read(), b"0")
refused("NoSuchVersion", west.get_object, Bucket="shop-west", Key="k", VersionId="none")
listed = west.list_object_versions(Bucket="shop-west")
same("versions", [(one["VersionId"], one["IsLatest"]) for one in listed["Versions"]], [(first, False), ("null", False)])
same("markers", [(one["VersionId"], one["IsLatest"]) for one in listed["DeleteMarkers"]], [(marker["VersionId"], True)])
items, count = pages(west, "list_object_versions", "Versions", 2, Bucket="shop-west")
same("pages", count, 2)
refused("BucketNotEmpty", west.delete_bucket, Bucket="shop-west")
every = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in listed["Versions"] + listed["DeleteMarkers"]]
same("deleted", len(west.delete_objects(Bucket="shop-west", Delete={"Objects": every})["Deleted"]), 3)
west.delete_bucket(Bucket="shop-west")
refused("NoSuchBucket", west.get_bucket_location, Bucket="shop-west")
keys = [{"Key": one["Key"]} for one in s3.list_objects_v2(Bucket="shop-data")["Contents"]]
same("quietly", s3.delete_objects(Bucket="shop-data", Delete={"Objects": keys, "Quiet": True}).get("Deleted"), None)
s3.delete_object(Bucket="shop-data", Key="none")

# Settings.
same("encryption", s3.get_bucket_encryption(Bucket="shop-data")["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})
true("blocked", all(s3.get_public_access_block(Bucket="shop-data")["PublicAccessBlockConfiguration"].values()))
same("owner", s3.get_bucket_ownership_controls(Bucket="shop-data")["OwnershipControls"], {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket="shop-data")
rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}}
s3.put_bucket_lifecycle_configuration(Bucket="shop-data", LifecycleConfiguration={"Rules": [rule]})
found = s3.get_bucket_lifecycle_configuration(Bucket="shop-data")
holds("lifecycle", found, Rules=[rule], TransitionDefaultMinimumObjectSize="all_storage_classes_128K")
s3.delete_bucket_lifecycle(Bucket="shop-data")
refused("MalformedXML", s3.put_bucket_lifecycle_configuration, Bucket="shop-data", LifecycleConfiguration={"Rules": [{"Status": "Enabled", "Expiration": {"Days": 1}}]})
cors = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 60}]
s3.put_bucket_cors(Bucket="shop-data", CORSConfiguration={"CORSRules": cors})
same("cors", s3.get_bucket_cors(Bucket="shop-data")["CORSRules"], cors)
s3.delete_bucket_cors(Bucket="shop-data")
refused("NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket="shop-data")
s3.put_bucket_metrics_configuration(Bucket="shop-data", Id="all", MetricsConfiguration={"Id": "all"})
same("metrics", s3.list_bucket_metrics_configurations(Bucket="shop-data")["MetricsConfigurationList"], [{"Id": "all"}])
s3.delete_bucket_metrics_configuration(Bucket="shop-data", Id="all")
refused("NoSuchConfiguration", s3.get_bucket_metrics_configuration, Bucket="shop-data", Id="all")
refused("AccessControlListNotSupported", s3.put_bucket_acl, Bucket="shop-data", ACL="public-read")
same("grants", [one["Permission"] for one in s3.get_bucket_acl(Bucket="shop-data")["Grants"]], ["FULL_CONTROL"])
same("payer", s3.get_bucket_request_payment(Bucket="shop-data")["Payer"], "BucketOwner")
refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket="shop-data")
s3.put_bucket_tagging(Bucket="shop-data", Tagging={"TagSet": tags({"Name": "shop"})})
tagged = client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["s3"])["ResourceTagMappingList"]
same("tags of all services", [(t["ResourceARN"], t["Tags"]) for t in tagged], [("arn:aws:s3:::shop-data", tags({"Name": "shop"}))])
refused("InvalidTargetBucketForLogging", s3.put_bucket_logging, Bucket="shop-data", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "none-there", "TargetPrefix": ""}})
refused("InvalidRequest", s3.put_bucket_replication, Bucket="shop-data", ReplicationConfiguration={"Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Rules": [{"Status": "Enabled", "Priority": 1, "Filter": {}, "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": "arn:aws:s3:::x"}}]})
queue = client("sqs").create_queue(QueueName="events")["QueueUrl"]
arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"
notify = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}}]}
refused("InvalidArgument", s3.put_bucket_notification_configuration, Bucket="shop-data", NotificationConfiguration=notify)
statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
leave = '{"Version": "2012-10-17", "Statement": [%s]}' % str(statement).replace("'", '"')
client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": leave})
until("the policy spreads", lambda: "Policy" in client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"]).get("Attributes", {}))
s3.put_bucket_notification_configuration(Bucket="shop-data", NotificationConfiguration=notify)
found = s3.get_bucket_notification_configuration(Bucket="shop-data")["QueueConfigurations"][0]
same("notification", (found["QueueArn"], found["Filter"]["Key"]["FilterRules"]), (arn, [{"Name": "Prefix", "Value": "in/"}]))

# Policies.
refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket="shop-data")
everybody = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop-data/*"}]}'
refused("AccessDenied", s3.put_bucket_policy, Bucket="shop-data", Policy=everybody)
refused("MalformedPolicy", s3.put_bucket_policy, Bucket="shop-data", Policy="{}")
s3.delete_public_access_block(Bucket="shop-data")
s3.put_bucket_policy(Bucket="shop-data", Policy=everybody)
same("policy", s3.get_bucket_policy(Bucket="shop-data")["Policy"], everybody)
same("public", s3.get_bucket_policy_status(Bucket="shop-data")["PolicyStatus"]["IsPublic"], True)
s3.delete_bucket_policy(Bucket="shop-data")
s3.delete_bucket(Bucket="shop-data")
