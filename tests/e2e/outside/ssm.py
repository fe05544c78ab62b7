ssm = client("ssm")

answer = ssm.put_parameter(
    Name="/shop/colour", Value="red", Type="String", Description="of the shop", AllowedPattern="[a-z]+",
    Tags=tags({"Name": "shop"}),
)
holds("put", answer, Version=1, Tier="Standard")
found = ssm.get_parameter(Name="/shop/colour")["Parameter"]
holds("parameter", found, Value="red", Type="String", Version=1, DataType="text")
same("arn", found["ARN"], f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/colour")
refused("ParameterAlreadyExists", ssm.put_parameter, Name="/shop/colour", Value="blue", Type="String")
refused("ParameterPatternMismatchException", ssm.put_parameter, Name="/shop/colour", Value="3", Overwrite=True)
same("version", ssm.put_parameter(Name="/shop/colour", Value="blue", Overwrite=True)["Version"], 2)
same("value", ssm.get_parameter(Name="/shop/colour")["Parameter"]["Value"], "blue")
same("older", ssm.get_parameter(Name="/shop/colour:1")["Parameter"]["Value"], "red")
only = [{"Key": "Name", "Values": ["/shop/colour"]}]
found = ssm.describe_parameters(ParameterFilters=only)["Parameters"][0]
holds("described", found, Description="of the shop", AllowedPattern="[a-z]+", Tier="Standard", Type="String")
same("tags", ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/shop/colour")["TagList"], tags({"Name": "shop"}))
ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/shop/colour", Tags=tags({"Stage": "test"}))
ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/shop/colour", TagKeys=["Name"])
same("tags", ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/shop/colour")["TagList"], tags({"Stage": "test"}))
ssm.put_parameter(Name="/shop/sizes", Value="1,2", Type="StringList")
same("by path", sorted(p["Name"] for p in ssm.get_parameters_by_path(Path="/shop")["Parameters"]), ["/shop/colour", "/shop/sizes"])
found = ssm.get_parameters(Names=["/shop/sizes", "/nobody"])
same("several", ([p["Name"] for p in found["Parameters"]], found["InvalidParameters"]), (["/shop/sizes"], ["/nobody"]))
refused("ParameterNotFound", ssm.get_parameter, Name="/nobody")
ssm.delete_parameter(Name="/shop/colour")
refused("ParameterNotFound", ssm.delete_parameter, Name="/shop/colour")
ssm.put_parameter(Name="/shop/colour", Value="green", Type="String")
same("free again", ssm.get_parameter(Name="/shop/colour")["Parameter"]["Version"], 1)
