import json

iam = client("iam")
trust = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}

role = iam.create_role(
    RoleName="web", Path="/shop/", AssumeRolePolicyDocument=json.dumps(trust), Description="of the web",
    MaxSessionDuration=7200, Tags=tags({"Name": "shop"}),
)["Role"]
same("arn", role["Arn"], f"arn:aws:iam::{ACCOUNT}:role/shop/web")
found = iam.get_role(RoleName="web")["Role"]
holds("role", found, Description="of the web", MaxSessionDuration=7200, Path="/shop/", Tags=tags({"Name": "shop"}))
same("trust", found["AssumeRolePolicyDocument"], trust)
refused("EntityAlreadyExists", iam.create_role, RoleName="web", AssumeRolePolicyDocument=json.dumps(trust))
refused("MalformedPolicyDocument", iam.create_role, RoleName="bad", AssumeRolePolicyDocument="{")
refused("NoSuchEntity", iam.get_role, RoleName="nobody")
iam.update_role(RoleName="web", Description="of the shop", MaxSessionDuration=3600)
holds("role", iam.get_role(RoleName="web")["Role"], Description="of the shop", MaxSessionDuration=3600)
iam.tag_role(RoleName="web", Tags=tags({"Stage": "test"}))
iam.untag_role(RoleName="web", TagKeys=["Name"])
same("tags", iam.list_role_tags(RoleName="web")["Tags"], tags({"Stage": "test"}))

iam.put_role_policy(RoleName="web", PolicyName="read", PolicyDocument=json.dumps(allow))
same("inline", iam.get_role_policy(RoleName="web", PolicyName="read")["PolicyDocument"], allow)
same("inline names", iam.list_role_policies(RoleName="web")["PolicyNames"], ["read"])
managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
iam.attach_role_policy(RoleName="web", PolicyArn=managed)
same("attached", [p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]], [managed])
refused("NoSuchEntity", iam.attach_role_policy, RoleName="web", PolicyArn="arn:aws:iam::aws:policy/Nobody")
own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(allow), Description="mine")["Policy"]
iam.attach_role_policy(RoleName="web", PolicyArn=own["Arn"])
refused("DeleteConflict", iam.delete_role, RoleName="web")
refused("DeleteConflict", iam.delete_policy, PolicyArn=own["Arn"])
version = iam.create_policy_version(PolicyArn=own["Arn"], PolicyDocument=json.dumps(allow), SetAsDefault=True)
same("version", version["PolicyVersion"]["VersionId"], "v2")

profile = iam.create_instance_profile(InstanceProfileName="web")["InstanceProfile"]
iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
refused("LimitExceeded", iam.add_role_to_instance_profile, InstanceProfileName="web", RoleName="web")
same("its role", iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]["Roles"][0]["RoleName"], "web")
for number in range(5):
    iam.create_role(RoleName=f"page-{number}", Path="/page/", AssumeRolePolicyDocument=json.dumps(trust))
items, count = pages(iam, "list_roles", "Roles", 2, PathPrefix="/page/")
same("by pages", (len(items), count), (5, 3))

iam.remove_role_from_instance_profile(InstanceProfileName="web", RoleName="web")
iam.delete_instance_profile(InstanceProfileName="web")
iam.detach_role_policy(RoleName="web", PolicyArn=managed)
iam.detach_role_policy(RoleName="web", PolicyArn=own["Arn"])
iam.delete_role_policy(RoleName="web", PolicyName="read")
iam.delete_role(RoleName="web")
refused("NoSuchEntity", iam.delete_role, RoleName="web")

group = iam.create_group(GroupName="auditors", Path="/staff/")["Group"]
same("group", group["Arn"], f"arn:aws:iam::{ACCOUNT}:group/staff/auditors")
iam.put_group_policy(GroupName="auditors", PolicyName="read", PolicyDocument=json.dumps(allow))
same("group inline", iam.get_group_policy(GroupName="auditors", PolicyName="read")["PolicyDocument"], allow)
for number in range(3):
    iam.create_user(UserName=f"user-{number}", Path="/staff/", Tags=tags({"kind": "page"}))
    iam.add_user_to_group(GroupName="auditors", UserName=f"user-{number}")
items, count = pages(iam, "get_group", "Users", 2, GroupName="auditors")
same("users by pages", (len(items), count), (3, 2))
items, count = pages(iam, "list_users", "Users", 2, PathPrefix="/staff/")
same("users", (len(items), count), (3, 2))
same("its groups", [g["GroupName"] for g in iam.list_groups_for_user(UserName="user-0")["Groups"]], ["auditors"])
refused("NoSuchEntity", iam.get_login_profile, UserName="user-0")
refused("PasswordPolicyViolation", iam.create_login_profile, UserName="user-0", Password="short")
profile = iam.create_login_profile(UserName="user-0", Password="Sesame-0pen", PasswordResetRequired=True)["LoginProfile"]
holds("login profile", profile, UserName="user-0", PasswordResetRequired=True)
refused("EntityAlreadyExists", iam.create_login_profile, UserName="user-0", Password="Sesame-0pen")
iam.update_login_profile(UserName="user-0", PasswordResetRequired=False)
holds("login profile", iam.get_login_profile(UserName="user-0")["LoginProfile"], PasswordResetRequired=False)
iam.update_user(UserName="user-0", NewPath="/moved/")
same("moved", iam.get_user(UserName="user-0")["User"]["Arn"], f"arn:aws:iam::{ACCOUNT}:user/moved/user-0")
refused("DeleteConflict", iam.delete_user, UserName="user-0")
refused("DeleteConflict", iam.delete_group, GroupName="auditors")
iam.delete_login_profile(UserName="user-0")
for number in range(3):
    iam.remove_user_from_group(GroupName="auditors", UserName=f"user-{number}")
    iam.delete_user(UserName=f"user-{number}")
iam.delete_group_policy(GroupName="auditors", PolicyName="read")
iam.delete_group(GroupName="auditors")
refused("NoSuchEntity", iam.get_group, GroupName="auditors")
entities = iam.list_entities_for_policy(PolicyArn=own["Arn"])
same("attached to nobody", entities["PolicyRoles"], [])
iam.delete_policy_version(PolicyArn=own["Arn"], VersionId="v1")
iam.delete_policy(PolicyArn=own["Arn"])
refused("NoSuchEntity", iam.get_policy, PolicyArn=own["Arn"])
