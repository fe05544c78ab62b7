secrets = client("secretsmanager")

made = secrets.create_secret(
    Name="shop/db", Description="of the shop", SecretString='{"username":"u"}', Tags=tags({"Name": "shop"}),
)
arn = made["ARN"]
true("arn", arn.startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-") and len(arn.rsplit("-", 1)[1]) == 6)
found = secrets.describe_secret(SecretId=arn)
holds("described", found, Name="shop/db", Description="of the shop", Tags=tags({"Name": "shop"}))
same("stages", found["VersionIdsToStages"], {made["VersionId"]: ["AWSCURRENT"]})
true("no key", "KmsKeyId" not in found)
same("value", secrets.get_secret_value(SecretId="shop/db")["SecretString"], '{"username":"u"}')
refused("ResourceExistsException", secrets.create_secret, Name="shop/db", SecretString="x")
refused("ResourceNotFoundException", secrets.describe_secret, SecretId="nobody")

second = secrets.put_secret_value(SecretId=arn, SecretString="two")
same("labels", second["VersionStages"], ["AWSCURRENT"])
same("previous", secrets.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["SecretString"], '{"username":"u"}')
same("by version", secrets.get_secret_value(SecretId=arn, VersionId=second["VersionId"])["SecretString"], "two")
secrets.update_secret(SecretId=arn, Description="another", SecretString="three")
same("value", secrets.get_secret_value(SecretId=arn)["SecretString"], "three")
same("two labelled", len(secrets.list_secret_version_ids(SecretId=arn)["Versions"]), 2)
same("all", len(secrets.list_secret_version_ids(SecretId=arn, IncludeDeprecated=True)["Versions"]), 3)
binary = secrets.create_secret(Name="bytes", SecretBinary=b"\x00\x01")
same("bytes", secrets.get_secret_value(SecretId="bytes")["SecretBinary"], b"\x00\x01")

secrets.tag_resource(SecretId=arn, Tags=tags({"Stage": "test"}))
secrets.untag_resource(SecretId=arn, TagKeys=["Name"])
same("tags", secrets.describe_secret(SecretId=arn)["Tags"], tags({"Stage": "test"}))

policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}'
secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy, BlockPublicPolicy=True)
same("policy", secrets.get_resource_policy(SecretId="shop/db")["ResourcePolicy"], policy)
refused("PublicPolicyException", secrets.put_resource_policy, SecretId=arn, ResourcePolicy=policy.replace('{"AWS":"arn:aws:iam::123456789012:root"}', '"*"'), BlockPublicPolicy=True)
refused("MalformedPolicyDocumentException", secrets.put_resource_policy, SecretId=arn, ResourcePolicy="no json")
secrets.delete_resource_policy(SecretId=arn)
true("no policy", "ResourcePolicy" not in secrets.get_resource_policy(SecretId=arn))

for number in range(5):
    secrets.create_secret(Name=f"many/{number}", SecretString="x", Tags=tags({"kind": "many"}))
items, count = pages(secrets, "list_secrets", "SecretList", 2, Filters=[{"Key": "name", "Values": ["many/"]}])
same("listed", sorted(s["Name"] for s in items), [f"many/{n}" for n in range(5)])
same("pages", count, 3)
found = secrets.list_secrets(Filters=[{"Key": "tag-key", "Values": ["kind"]}, {"Key": "name", "Values": ["!many/3"]}])["SecretList"]
same("filtered", len(found), 4)
found = secrets.batch_get_secret_value(SecretIdList=["many/1", "nobody"])
same("several", ([s["Name"] for s in found["SecretValues"]], found["Errors"][0]["ErrorCode"]), (["many/1"], "ResourceNotFoundException"))

password = secrets.get_random_password(PasswordLength=20, ExcludePunctuation=True, ExcludeCharacters="0O")["RandomPassword"]
true("password", len(password) == 20 and password.isalnum() and not set(password) & set("0O"))
refused("InvalidParameterException", secrets.get_random_password, PasswordLength=2)

secrets.replicate_secret_to_regions(SecretId=arn, AddReplicaRegions=[{"Region": "us-west-2"}])
until("copied", lambda: secrets.describe_secret(SecretId=arn)["ReplicationStatus"][0]["Status"] == "InSync")
west = client("secretsmanager", "us-west-2")
same("copy", west.get_secret_value(SecretId="shop/db")["SecretString"], "three")
refused("InvalidParameterException", west.put_secret_value, SecretId="shop/db", SecretString="four")
refused("InvalidRequestException", secrets.delete_secret, SecretId=arn)
secrets.remove_regions_from_replication(SecretId=arn, RemoveReplicaRegions=["us-west-2"])

refused("InvalidParameterException", secrets.delete_secret, SecretId=arn, RecoveryWindowInDays=1)
secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
true("marked", "DeletedDate" in secrets.describe_secret(SecretId=arn))
refused("InvalidRequestException", secrets.get_secret_value, SecretId=arn)
refused("InvalidRequestException", secrets.create_secret, Name="shop/db", SecretString="x")
secrets.restore_secret(SecretId=arn)
same("restored", secrets.get_secret_value(SecretId=arn)["SecretString"], "three")
secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)

def free():
    try:
        secrets.create_secret(Name="shop/db", SecretString="again")
        return True
    except ClientError:
        return False

until("free again", free)
