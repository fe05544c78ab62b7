// Everything that the CDK can put into an assembly and that a reader of assemblies has to understand: stacks that refer to
// each other, a stage, nested stacks, file and image assets, custom resources of the CDK's and of one's own, tags,
// termination protection, a stack name of its own, types of many services.
const cdk = require('aws-cdk-lib');
const {
  aws_apigatewayv2: apigateway,
  aws_apigatewayv2_integrations: integrations,
  aws_dynamodb: dynamodb,
  aws_ec2: ec2,
  aws_ecr: ecr,
  aws_ecr_assets: images,
  aws_ecs: ecs,
  aws_events: events,
  aws_events_targets: targets,
  aws_iam: iam,
  aws_lambda: lambda,
  aws_lambda_event_sources: sources,
  aws_logs: logs,
  aws_s3: s3,
  aws_sns: sns,
  aws_sns_subscriptions: subscriptions,
  aws_sqs: sqs,
  aws_stepfunctions: stepfunctions,
  custom_resources: custom,
} = cdk;
const path = require('path');

const env = { region: 'us-east-1' };

class Network extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, props);
    this.vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: [0, 1].map((i) => cdk.Fn.select(i, cdk.Fn.getAzs())),
      natGateways: 1,
    });
    this.group = new ec2.SecurityGroup(this, 'Shared', { vpc: this.vpc, description: 'shared by the stacks' });
  }
}

class Data extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, props);
    this.bucket = new s3.Bucket(this, 'Receipts', {
      versioned: true,
      enforceSSL: true,
      autoDeleteObjects: true,
      removalPolicy: cdk.RemovalPolicy.DESTROY,
      lifecycleRules: [{ expiration: cdk.Duration.days(90), noncurrentVersionExpiration: cdk.Duration.days(7) }],
    });
    this.table = new dynamodb.Table(this, 'Orders', {
      partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      removalPolicy: cdk.RemovalPolicy.DESTROY,
    });
    this.queue = new sqs.Queue(this, 'Work', { visibilityTimeout: cdk.Duration.minutes(3) });
    this.topic = new sns.Topic(this, 'News');
    this.topic.addSubscription(new subscriptions.SqsSubscription(this.queue));
  }
}

class Api extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, props);
    const handler = new lambda.Function(this, 'Handler', {
      runtime: lambda.Runtime.PYTHON_3_13,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(path.join(__dirname, 'functions')),
      environment: { TABLE: props.data.table.tableName, BUCKET: props.data.bucket.bucketName },
      vpc: props.network.vpc,
      securityGroups: [props.network.group],
      logRetention: logs.RetentionDays.ONE_WEEK,
    });
    props.data.table.grantReadWriteData(handler);
    handler.addEventSource(new sources.SqsEventSource(props.data.queue));
    const api = new apigateway.HttpApi(this, 'HttpApi');
    api.addRoutes({
      path: '/orders',
      methods: [apigateway.HttpMethod.POST],
      integration: new integrations.HttpLambdaIntegration('Orders', handler),
    });
    new events.Rule(this, 'Nightly', {
      schedule: events.Schedule.rate(cdk.Duration.days(1)),
      targets: [new targets.LambdaFunction(handler)],
    });
    new stepfunctions.StateMachine(this, 'Settlement', {
      definitionBody: stepfunctions.DefinitionBody.fromChainable(new stepfunctions.Pass(this, 'Nothing')),
    });
    handler.currentVersion.addAlias('live');
    new cdk.CfnOutput(this, 'Url', { value: api.apiEndpoint, exportName: 'zoo-url' });
  }
}

class Part extends cdk.NestedStack {
  constructor(scope, id, props) {
    super(scope, id, props);
    this.queue = new sqs.Queue(this, 'Queue', {
      deadLetterQueue: props.dead && { queue: props.dead, maxReceiveCount: 3 },
    });
    if (props.network) {
      this.group = new ec2.SecurityGroup(this, 'Group', { vpc: props.network.vpc });
      this.group.addIngressRule(props.network.group, ec2.Port.tcp(8080));
    }
    if (props.inner) {
      new Part(this, 'Inner', { dead: this.queue });
    }
  }
}

class Worker extends cdk.Stack {
  constructor(scope, id, props) {
    super(scope, id, props);
    // One nested stack is fed from another one's outputs; one has a nested stack of its own.
    const first = new Part(this, 'First', {});
    const second = new Part(this, 'Second', { dead: first.queue, network: props.network, inner: true });
    new sns.Topic(this, 'Done', { displayName: second.queue.queueName });

    const provider = new lambda.Function(this, 'Provider', {
      runtime: lambda.Runtime.PYTHON_3_13,
      handler: 'index.handler',
      code: lambda.Code.fromInline('import cfnresponse\ndef handler(event, context):\n  cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Answer": "42"}, "fixed")\n'),
    });
    const own = new cdk.CustomResource(this, 'Own', {
      resourceType: 'Custom::Answer',
      serviceToken: provider.functionArn,
      properties: { Answer: 'what shall it be', Count: 3, Deep: { List: [1, true, 'x'] } },
    });
    new cdk.CfnOutput(this, 'Answer', { value: own.getAttString('Answer') });
    new custom.AwsCustomResource(this, 'Sdk', {
      onUpdate: {
        service: 'SSM',
        action: 'getParameters',
        parameters: { Names: ['/zoo/none'] },
        physicalResourceId: custom.PhysicalResourceId.of('sdk'),
      },
      policy: custom.AwsCustomResourcePolicy.fromSdkCalls({ resources: custom.AwsCustomResourcePolicy.ANY_RESOURCE }),
    });

    const repository = new ecr.Repository(this, 'Images', {
      removalPolicy: cdk.RemovalPolicy.DESTROY,
      autoDeleteImages: true,
      lifecycleRules: [{ maxImageCount: 10 }],
    });
    const cluster = new ecs.Cluster(this, 'Cluster', { vpc: props.network.vpc });
    const task = new ecs.FargateTaskDefinition(this, 'Task');
    task.addContainer('app', {
      image: ecs.ContainerImage.fromDockerImageAsset(
        new images.DockerImageAsset(this, 'Image', { directory: path.join(__dirname, 'image') }),
      ),
      logging: ecs.LogDrivers.awsLogs({ streamPrefix: 'app', logRetention: logs.RetentionDays.ONE_WEEK }),
      environment: { REPOSITORY: repository.repositoryUri, BUCKET: props.data.bucket.bucketName },
    });
    new ecs.FargateService(this, 'Service', {
      cluster,
      taskDefinition: task,
      desiredCount: 1,
      minHealthyPercent: 100,
      circuitBreaker: { rollback: true },
      securityGroups: [props.network.group],
    });
  }
}

class Production extends cdk.Stage {
  constructor(scope, id, props) {
    super(scope, id, props);
    const network = new Network(this, 'Network', { env, terminationProtection: props.protected });
    const data = new Data(this, 'Data', { env });
    new Api(this, 'Api', { env, network, data });
    new Worker(this, 'Worker', { env, network, data, stackName: 'zoo-workers', tags: { part: 'workers' } });
  }
}

const app = new cdk.App();
new Production(app, 'Zoo', { protected: false });
new cdk.Stack(app, 'Alone', { env, description: 'a stack outside of the stage', terminationProtection: true });
new sns.Topic(app.node.findChild('Alone'), 'Topic');
cdk.Tags.of(app).add('app', 'zoo');
app.synth();
