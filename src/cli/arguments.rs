//! What the command line takes. Parsing records; only the commands touch the world.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Provisions AWS directly from CloudFormation templates: plans, applies and destroys, without CloudFormation.
#[derive(Debug, Parser)]
#[command(
    name = "payctl",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Work in DIR instead of the current folder
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// The environment of payctl.toml (default: the project's default-env)
    #[arg(long, value_name = "NAME", global = true)]
    pub env: Option<String>,
    /// One template instead of the environment's stacks; works without a payctl.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub template: Option<PathBuf>,
    /// The stacks of this CDK assembly (cdk.out) instead of the environment's; works without a payctl.toml
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "template")]
    pub assembly: Option<PathBuf>,
    /// A template parameter; wins over payctl.toml (repeatable)
    #[arg(long = "parameter", value_name = "K=V", global = true)]
    pub parameters: Vec<String>,
    /// The region; with stacks in several regions: only those in this one
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
    /// Results and errors as JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a payctl.toml for the template in this folder
    Init(Init),
    /// Check the templates, without AWS
    Validate,
    /// Show what apply would do
    Plan(PlanArguments),
    /// Make AWS as the templates say
    Apply(ApplyArguments),
    /// Delete everything the environment has
    Destroy(DestroyArguments),
    /// Show what changed behind the templates' back
    Drift(DriftArguments),
    /// Give a service another image, without editing the template
    Deploy(DeployArguments),
    /// Show what was deployed to the services, and what is being deployed
    Deployments(DeploymentsArguments),
    /// Stop a service's deployment, or deploy the revision that ran before
    Rollback(RollbackArguments),
    /// Show the stacks' outputs
    Outputs {
        /// Only this output's value
        name: Option<String>,
    },
    /// Show the resources as the state knows them
    Show {
        /// One resource, by its address
        address: Option<String>,
    },
    /// Look at and repair the state
    #[command(subcommand)]
    State(StateCommand),
    /// Draw the dependency graph
    Graph {
        /// The format
        #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
        format: GraphFormat,
    },
    /// Show what is known of a resource type
    Schema {
        /// The type, such as AWS::EC2::VPC (default: all native types)
        r#type: Option<String>,
    },
    /// Show what a plan would do with one resource that declares this and reads like that
    Compare(CompareArguments),
    /// Remove a lock that a dead process left
    Unlock,
    /// The simulated AWS
    #[cfg(feature = "sandbox")]
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Print a completion script
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The project's name (default: the folder's)
    #[arg(long)]
    pub name: Option<String>,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Save the plan; `payctl apply FILE` carries out exactly this or refuses
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with 2 where there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Which part
    #[command(flatten)]
    pub selection: Selection,
    /// Plan the deletion of everything
    #[arg(long)]
    pub destroy: bool,
}

/// Which resources a plan takes in, and from where it knows them.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Only this resource or stack, and what it needs (repeatable)
    #[arg(long = "target", value_name = "ADDR")]
    pub targets: Vec<String>,
    /// Trust the state instead of reading AWS
    #[arg(long)]
    pub no_refresh: bool,
    /// Look availability zones up anew
    #[arg(long)]
    pub refresh_lookups: bool,
    /// Let a protected environment lose databases, buckets, keys or secrets
    #[arg(long)]
    pub allow_destructive: bool,
    /// Resources whose drift is accepted: only `apply` takes them.
    #[arg(skip)]
    pub accept_drift: Vec<String>,
    /// Delete secrets for good, without the days in which they could be restored
    #[arg(long)]
    pub force_secrets: bool,
}

/// Options of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// A plan saved by `payctl plan --out`
    #[arg(value_name = "PLANFILE")]
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// Which part
    #[command(flatten)]
    pub selection: Selection,
    /// Record this resource's drift as seen instead of setting it back (repeatable)
    #[arg(long, value_name = "ADDR", conflicts_with = "plan")]
    pub accept_drift: Vec<String>,
}

/// Options of `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArguments {
    /// Do not ask for the environment's name
    #[arg(long)]
    pub auto_approve: bool,
    /// Which part
    #[command(flatten)]
    pub selection: Selection,
}

/// Options of `deploy`.
#[derive(Debug, Args)]
pub struct DeployArguments {
    /// The service, by its address
    pub service: String,
    /// The image that it shall run
    #[arg(long, value_name = "URI")]
    pub image: String,
    /// The container that gets the image (default: the one that takes the load balancer's traffic, or the only one)
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
}

/// Options of `deployments`.
#[derive(Debug, Args)]
pub struct DeploymentsArguments {
    /// Only this service's
    pub service: Option<String>,
    /// Follow the one that is going on to its end
    #[arg(long)]
    pub follow: bool,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArguments {
    /// The service, by its address
    pub service: String,
}

/// Options of `drift`.
#[derive(Debug, Args)]
pub struct DriftArguments {
    /// Exit with 2 where there is drift
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// The commands of `state`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the resources
    List,
    /// Show one resource
    Show {
        /// Its address
        address: String,
    },
    /// Forget a resource; AWS keeps it
    Rm {
        /// Its address
        address: String,
    },
    /// Give a resource another address, after it was renamed in the template
    Mv {
        /// What it is called now
        from: String,
        /// What it shall be called
        to: String,
    },
}

/// The formats of `graph`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// Nodes and edges
    Json,
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The resource type
    pub r#type: String,
    /// The declared properties, a JSON file
    pub declared: PathBuf,
    /// What AWS gave back, a JSON file
    pub live: PathBuf,
    /// Tags that the stack adds to every resource, a JSON file
    #[arg(long, value_name = "FILE")]
    pub stack_tags: Option<PathBuf>,
    /// A declared path that was not read: its absence means nothing (repeatable)
    #[arg(long, value_name = "PATH")]
    pub not_read: Vec<String>,
}

/// The commands of `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Serve the project's simulated AWS on loopback, for the AWS CLI, boto3 and other tools
    Serve {
        /// The port; 0 takes a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// How many times as fast as the wall's clock its time runs
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
    },
    /// Register a resource type of your own in the simulated AWS, so that templates can use it
    RegisterType {
        /// The type's registry schema, as JSON
        schema: PathBuf,
    },
    /// Forget everything the simulated AWS holds
    Reset,
    /// Print everything the simulated AWS holds
    Dump,
    /// Call an image bad, to rehearse a deployment that fails; without one: list what is bad
    ///
    /// Tasks with the image do not get healthy, or cannot pull it, until `payctl sandbox heal`. Also the name of a
    /// function that a deployment's hook calls.
    Fail {
        /// The image as task definitions name it; without a tag: whatever tag
        image: Option<String>,
        /// Its tasks run, and never get healthy: what is meant where nothing is said
        #[arg(long, conflicts_with = "pull")]
        health: bool,
        /// It cannot be pulled
        #[arg(long)]
        pull: bool,
    },
    /// Call an image good again
    Heal {
        /// As it was called bad
        image: String,
    },
}
