kms = client("kms")

key = kms.create_key(
    Description="of payments", Tags=[{"TagKey": "Name", "TagValue": "shop"}]
)["KeyMetadata"]
key_id = key["KeyId"]
holds(
    "key", key, Description="of payments", Enabled=True, KeyState="Enabled", KeyUsage="ENCRYPT_DECRYPT",
    KeySpec="SYMMETRIC_DEFAULT", KeyManager="CUSTOMER", Origin="AWS_KMS", MultiRegion=False, AWSAccountId=ACCOUNT,
)
same("arn", key["Arn"], f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}")
same("by arn", kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["KeyId"], key_id)
same("tags", kms.list_resource_tags(KeyId=key_id)["Tags"], [{"TagKey": "Name", "TagValue": "shop"}])
kms.update_key_description(KeyId=key_id, Description="of refunds")
same("description", kms.describe_key(KeyId=key_id)["KeyMetadata"]["Description"], "of refunds")
same("rotation", kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"], False)
kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=180)
holds("rotation", kms.get_key_rotation_status(KeyId=key_id), KeyRotationEnabled=True, RotationPeriodInDays=180)
kms.disable_key(KeyId=key_id)
same("disabled", kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"], "Disabled")
kms.enable_key(KeyId=key_id)
policy = kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]
true("a default policy", "kms:*" in policy)
kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy.replace(" ", ""))
kms.tag_resource(KeyId=key_id, Tags=[{"TagKey": "Stage", "TagValue": "test"}])
kms.untag_resource(KeyId=key_id, TagKeys=["Name"])
same("tags", kms.list_resource_tags(KeyId=key_id)["Tags"], [{"TagKey": "Stage", "TagValue": "test"}])

kms.create_alias(AliasName="alias/shop", TargetKeyId=key_id)
refused("AlreadyExistsException", kms.create_alias, AliasName="alias/shop", TargetKeyId=key_id)
refused("ValidationException", kms.create_alias, AliasName="shop", TargetKeyId=key_id)
same("by alias", kms.describe_key(KeyId="alias/shop")["KeyMetadata"]["KeyId"], key_id)
second = kms.create_key()["KeyMetadata"]["KeyId"]
kms.update_alias(AliasName="alias/shop", TargetKeyId=second)
same("moved", kms.describe_key(KeyId="alias/shop")["KeyMetadata"]["KeyId"], second)
same("aliases", [a["AliasName"] for a in kms.list_aliases(KeyId=second)["Aliases"]], ["alias/shop"])
refused("NotFoundException", kms.describe_key, KeyId="11111111-2222-3333-4444-555555555555")
refused("NotFoundException", kms.delete_alias, AliasName="alias/nobody")
items, count = pages(kms, "list_keys", "Keys", 1)
true("keys by pages", count >= 2 and {key_id, second} <= {item["KeyId"] for item in items})

kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
same("pending", kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"], "PendingDeletion")
refused("KMSInvalidStateException", kms.enable_key, KeyId=key_id)
kms.cancel_key_deletion(KeyId=key_id)
same("kept", kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"], "Disabled")
