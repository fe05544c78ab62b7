import json

cloudwatch = client("cloudwatch")
alarm = dict(
    AlarmName="busy", AlarmDescription="too busy", ActionsEnabled=True, MetricName="CPUUtilization", Namespace="AWS/ECS",
    Statistic="Average", Dimensions=[{"Name": "ClusterName", "Value": "shop"}], Period=60, EvaluationPeriods=3,
    DatapointsToAlarm=2, Threshold=80.0, ComparisonOperator="GreaterThanThreshold", TreatMissingData="breaching",
    AlarmActions=[f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"],
)
cloudwatch.put_metric_alarm(**alarm, Tags=tags({"Name": "shop"}))


def found(name="busy"):
    return cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


holds("alarm", found(), **alarm)
arn = found()["AlarmArn"]
same("arn", arn, f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:busy")
same("no data yet", found()["StateValue"], "INSUFFICIENT_DATA")
same("tags", cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], tags({"Name": "shop"}))
cloudwatch.put_metric_alarm(**{**alarm, "Threshold": 90.0})
same("threshold", found()["Threshold"], 90.0)
same("tags stay", cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], tags({"Name": "shop"}))
cloudwatch.tag_resource(ResourceARN=arn, Tags=tags({"Stage": "test"}))
cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["Name"])
same("tags", cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"], tags({"Stage": "test"}))
cloudwatch.put_metric_alarm(
    AlarmName="rate", EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    Metrics=[
        {"Id": "rate", "Expression": "errors / 60", "Label": "rate", "ReturnData": True},
        {
            "Id": "errors", "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "shop", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"},
        },
    ],
)
same("metric math", found("rate")["Metrics"][0]["Expression"], "errors / 60")
cloudwatch.put_metric_alarm(**{k: v for k, v in {**alarm, "AlarmName": "p99", "ExtendedStatistic": "p99"}.items() if k != "Statistic"})
same("percentile", found("p99")["ExtendedStatistic"], "p99")
items, count = pages(cloudwatch, "describe_alarms", "MetricAlarms", 2)
same("by pages", (len(items), count), (3, 2))
rule = 'ALARM(busy) AND NOT ALARM("rate")'
cloudwatch.put_composite_alarm(
    AlarmName="shop down", AlarmRule=rule, AlarmDescription="nobody can buy", ActionsSuppressor="p99",
    ActionsSuppressorWaitPeriod=60, ActionsSuppressorExtensionPeriod=120, Tags=tags({"Name": "shop"}),
)


def composite():
    return cloudwatch.describe_alarms(AlarmNames=["shop down"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]


holds(
    "composite", composite(), AlarmRule=rule, ActionsEnabled=True, ActionsSuppressor="p99", OKActions=[],
    AlarmArn=f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:shop down",
)
same("only metric alarms", cloudwatch.describe_alarms(AlarmNames=["shop down"])["MetricAlarms"], [])
until("evaluated", lambda: composite()["StateValue"] == "OK")
cloudwatch.set_alarm_state(AlarmName="busy", StateValue="ALARM", StateReason="a test")
until("it follows", lambda: composite()["StateValue"] == "ALARM")
refused("ValidationError", cloudwatch.put_composite_alarm, AlarmName="x", AlarmRule="ALARM(nobody)")
refused("ValidationError", cloudwatch.put_composite_alarm, AlarmName="x", AlarmRule="ALARM(busy")
refused("ValidationError", cloudwatch.delete_alarms, AlarmNames=["busy"])
cloudwatch.delete_alarms(AlarmNames=["shop down"])
cloudwatch.disable_alarm_actions(AlarmNames=["busy"])
same("silent", found()["ActionsEnabled"], False)
cloudwatch.delete_alarms(AlarmNames=["busy"])
same("gone", cloudwatch.describe_alarms(AlarmNames=["busy"])["MetricAlarms"], [])

body = {"widgets": [{"type": "text", "x": 0, "y": 0, "width": 3, "height": 3, "properties": {"markdown": "hi"}}]}
cloudwatch.put_dashboard(DashboardName="shop", DashboardBody=json.dumps(body))
board = cloudwatch.get_dashboard(DashboardName="shop")
same("dashboard", json.loads(board["DashboardBody"]), body)
same("its arn", board["DashboardArn"], f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/shop")
same("listed", [d["DashboardName"] for d in cloudwatch.list_dashboards()["DashboardEntries"]], ["shop"])
cloudwatch.delete_dashboards(DashboardNames=["shop"])
try:
    cloudwatch.get_dashboard(DashboardName="shop")
    fail("the dashboard is still there")
except ClientError as error:
    true("not found", error.response["Error"]["Code"] in ("ResourceNotFound", "DashboardNotFoundError"))
