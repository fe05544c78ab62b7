import base64
import hashlib
import json

ecr = client("ecr")

made = ecr.create_repository(repositoryName="shop/api", tags=tags({"Name": "shop"}), imageTagMutability="IMMUTABLE")["repository"]
arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shop/api"
holds(
    "repository", made, repositoryArn=arn, registryId=ACCOUNT, repositoryName="shop/api", imageTagMutability="IMMUTABLE",
    repositoryUri=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop/api", imageScanningConfiguration={"scanOnPush": False},
    encryptionConfiguration={"encryptionType": "AES256"},
)
refused("RepositoryAlreadyExistsException", ecr.create_repository, repositoryName="shop/api")
refused("InvalidParameterException", ecr.create_repository, repositoryName="Shop")
refused("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=["none"])
refused("InvalidParameterException", ecr.put_image_tag_mutability, repositoryName="shop/api", imageTagMutability="IMMUTABLE_WITH_EXCLUSION")
ecr.create_repository(repositoryName="plain")
same("all", pages(ecr, "describe_repositories", "repositories", 1)[1], 2)
same("tags", ecr.list_tags_for_resource(resourceArn=arn)["tags"], tags({"Name": "shop"}))
tagged = client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["ecr"])["ResourceTagMappingList"]
same("tags of all services", [(t["ResourceARN"], t["Tags"]) for t in tagged], [(arn, tags({"Name": "shop"}))])

# Images.
manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [{"size": 7}]})
digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
image = ecr.put_image(repositoryName="shop/api", imageManifest=manifest, imageTag="1")["image"]
same("image", image["imageId"], {"imageDigest": digest, "imageTag": "1"})
refused("ImageAlreadyExistsException", ecr.put_image, repositoryName="shop/api", imageManifest=manifest, imageTag="1")
refused("ImageTagAlreadyExistsException", ecr.put_image, repositoryName="shop/api", imageManifest=manifest + " ", imageTag="1")
refused("ImageDigestDoesNotMatchException", ecr.put_image, repositoryName="shop/api", imageManifest=manifest, imageDigest="sha256:" + "0" * 64)
refused("InvalidParameterException", ecr.put_image, repositoryName="shop/api", imageManifest="none")
ecr.put_image(repositoryName="shop/api", imageManifest=manifest, imageTag="2")
other = ecr.put_image(repositoryName="shop/api", imageManifest=manifest + " ")["image"]["imageId"]["imageDigest"]
details = {one["imageDigest"]: one for one in ecr.describe_images(repositoryName="shop/api")["imageDetails"]}
holds("image", details[digest], imageTags=["1", "2"], imageSizeInBytes=7, imageManifestMediaType="application/vnd.oci.image.manifest.v1+json")
same("untagged", [one["imageDigest"] for one in ecr.describe_images(repositoryName="shop/api", filter={"tagStatus": "UNTAGGED"})["imageDetails"]], [other])
refused("ImageNotFoundException", ecr.describe_images, repositoryName="shop/api", imageIds=[{"imageTag": "9"}])
items, count = pages(ecr, "list_images", "imageIds", 2, repositoryName="shop/api")
same("images", (len(items), count), (3, 2))
got = ecr.batch_get_image(repositoryName="shop/api", imageIds=[{"imageTag": "1"}, {"imageTag": "9"}])
same("manifest", got["images"][0]["imageManifest"], manifest)
same("failure", got["failures"][0]["failureCode"], "ImageNotFound")
refused("RepositoryNotEmptyException", ecr.delete_repository, repositoryName="shop/api")
same("a tag", ecr.batch_delete_image(repositoryName="shop/api", imageIds=[{"imageTag": "1"}])["imageIds"], [{"imageDigest": digest, "imageTag": "1"}])
same("an image", ecr.batch_delete_image(repositoryName="shop/api", imageIds=[{"imageDigest": digest}])["imageIds"], [{"imageDigest": digest, "imageTag": "2"}])
ecr.put_image_tag_mutability(repositoryName="shop/api", imageTagMutability="IMMUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest*"}])
for text in [manifest, manifest + "\n"]:
    ecr.put_image(repositoryName="shop/api", imageManifest=text, imageTag="latest-1")
token = ecr.get_authorization_token()["authorizationData"][0]
true("token", base64.b64decode(token["authorizationToken"]).startswith(b"AWS:"))
same("registry", token["proxyEndpoint"], f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")

# Policies.
refused("LifecyclePolicyNotFoundException", ecr.get_lifecycle_policy, repositoryName="shop/api")
refused("InvalidParameterException", ecr.put_lifecycle_policy, repositoryName="shop/api", lifecyclePolicyText='{"rules": []}'.ljust(100))
rule = {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}, "action": {"type": "expire"}}
ecr.put_lifecycle_policy(repositoryName="shop/api", lifecyclePolicyText=json.dumps({"rules": [rule]}))
same("policy", json.loads(ecr.get_lifecycle_policy(repositoryName="shop/api")["lifecyclePolicyText"])["rules"], [rule])
ecr.delete_lifecycle_policy(repositoryName="shop/api")
refused("LifecyclePolicyNotFoundException", ecr.delete_lifecycle_policy, repositoryName="shop/api")
refused("RepositoryPolicyNotFoundException", ecr.get_repository_policy, repositoryName="shop/api")
statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/none"}, "Action": "ecr:BatchGetImage"}
policy = {"Version": "2012-10-17", "Statement": [statement]}
refused("InvalidParameterException", ecr.set_repository_policy, repositoryName="shop/api", policyText=json.dumps(policy))
statement["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
ecr.set_repository_policy(repositoryName="shop/api", policyText=json.dumps(policy))
same("policy", json.loads(ecr.get_repository_policy(repositoryName="shop/api")["policyText"]), policy)
ecr.delete_repository_policy(repositoryName="shop/api")
ecr.put_image_scanning_configuration(repositoryName="shop/api", imageScanningConfiguration={"scanOnPush": True})
same("scanned", ecr.describe_repositories(repositoryNames=["shop/api"])["repositories"][0]["imageScanningConfiguration"], {"scanOnPush": True})
ecr.delete_repository(repositoryName="shop/api", force=True)
refused("RepositoryNotFoundException", ecr.list_images, repositoryName="shop/api")
