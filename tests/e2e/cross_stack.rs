//! What one stack offers and another uses, when an edit takes it away or makes it anew: the one graph orders both sides, in one
//! run. Stacks offer by exports, nested stacks by outputs; both are held to the same order.

use serde_json::Value as Json;

use crate::harness::emulator::Emulator;
use crate::harness::{Project, cloud};

/// Each line belongs to what its comment names, so that an edit can take that out everywhere. `OUT(X)` exports an output where
/// stacks offer by exports.
const NETWORK: &str = "Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.4.0.0/16}}
  One: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.4.1.0/24, AvailabilityZone: us-east-1a}}
  Two: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.4.2.0/24, AvailabilityZone: us-east-1b}}
  Clients: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: clients, VpcId: !Ref Vpc}} # Clients
  Orders: {Type: AWS::SQS::Queue} # Orders
  Reader: {Type: AWS::IAM::Role, Properties: {RoleName: shop-reader, Path: /a/, AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}]}}} # Reader
Outputs:
  Vpc: {Value: !Ref Vpc OUT(Vpc)}
  Subnets: {Value: !Join [',', [!Ref One, !Ref Two]] OUT(Subnets)}
  Clients: {Value: !GetAtt Clients.GroupId OUT(Clients)} # Clients
  Orders: {Value: !Ref Orders OUT(Orders)} # Orders
  Reader: {Value: !Ref Reader OUT(Reader)} # Reader
";

/// `IN(X)` is what the other offers.
const APP: &str = "Resources:
  Ledger:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: ledger
      VpcId: IN(Vpc)
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 3306, ToPort: 3306, SourceSecurityGroupId: IN(Clients)}] # Clients
  Out: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: IN(Clients), IpProtocol: tcp, FromPort: 3306, ToPort: 3306, DestinationSecurityGroupId: !Ref Ledger}} # Clients
  Databases: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: ledger, SubnetIds: !Split [',', IN(Subnets)]}} # Databases
  Where: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: IN(Orders)}} # Orders
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [IN(Reader)]}} # Reader
";

const OFFERED: [&str; 5] = ["Vpc", "Subnets", "Clients", "Orders", "Reader"];

#[derive(Clone, Copy, PartialEq)]
enum Offer {
    Exports,
    Outputs,
}

use Offer::{Exports, Outputs};

/// The project, applied.
fn shop(offer: Offer) -> Project {
    let project = Project::empty();
    let (mut network, mut app) = (NETWORK.to_owned(), APP.to_owned());
    let (mut given, mut declared) = (String::new(), String::new());
    for name in OFFERED {
        let (from, to) = match offer {
            Exports => (
                format!(", Export: {{Name: shop-{name}}}"),
                format!("!ImportValue shop-{name}"),
            ),
            Outputs => (String::new(), format!("!Ref {name}")),
        };
        network = network.replace(&format!(" OUT({name})"), &from);
        app = app.replace(&format!("IN({name})"), &to);
        given += &format!("        {name}: !GetAtt Network.Outputs.{name} # {name}\n");
        declared += &format!("  {name}: {{Type: String}} # {name}\n");
    }
    let stack = |name: &str| {
        format!(
            "[[stack]]\nname = \"{name}\"\ntemplate = \"{name}.yaml\"\nregion = \"us-east-1\"\n"
        )
    };
    let head = "[project]\nname = \"shop\"\ndefault-env = \"local\"\n[env.local]\nsandbox = true\n";
    let stacks = match offer {
        Exports => stack("app") + &stack("network"),
        Outputs => {
            app = format!("Parameters:\n{declared}{app}");
            let nested = |name: &str, file: &str, more: &str| {
                format!(
                    "  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {file}\n{more}"
                )
            };
            let parameters = format!("      Parameters:\n{given}");
            let text =
                nested("App", "app.yaml", &parameters) + &nested("Network", "network.yaml", "");
            project.write("shop.yaml", &format!("Resources:\n{text}"));
            stack("shop")
        }
    };
    project
        .write("payctl.toml", &format!("{head}{stacks}"))
        .write("network.yaml", &network)
        .write("app.yaml", &app);
    assert_eq!(project.plan("")["summary"]["create"], 11);
    project.ok("apply --auto-approve");
    project
}

/// Takes the lines out that belong to something.
fn without(project: &Project, file: &str, what: &str) {
    if !project.path(file).exists() {
        return;
    }
    let mark = format!("# {what}");
    let text = project.read(file);
    let kept: Vec<&str> = text.lines().filter(|line| !line.ends_with(&mark)).collect();
    project.write(file, &(kept.join("\n") + "\n"));
}

/// What one run did, in its order.
struct Events(Vec<Json>);

impl Events {
    fn of(project: &Project) -> Events {
        let run = project.ok("apply --auto-approve --json");
        let parse = |line| serde_json::from_str(line).expect("an event");
        Events(run.out.lines().map(parse).collect())
    }

    /// Where it happened. Resources are named by what ends their address.
    fn at(&self, event: &str, action: &str, resource: &str) -> usize {
        let is_it = |one: &Json| {
            let address = one["address"].as_str().unwrap_or_default();
            one["event"] == event
                && one["action"] == action
                && address
                    .rsplit_once('.')
                    .is_some_and(|(_, name)| name == resource)
        };
        self.0
            .iter()
            .position(is_it)
            .unwrap_or_else(|| panic!("{resource} was not: {action} {event}: {:#?}", self.0))
    }

    /// The first must be over before the second begins; of what is made, AWS must have told who it is.
    fn assert_before(&self, (action, first): (&str, &str), (then, second): (&str, &str)) {
        let over = match action {
            "create" | "replace" => "accepted",
            _ => "done",
        };
        let over = self.at(over, action, first);
        let begins = self.at("started", then, second);
        assert!(
            over < begins,
            "{action} {first} must be over before {then} {second}: {:#?}",
            self.0
        );
    }
}

fn assert_settled(project: &Project) {
    let plan = project.plan("");
    assert_eq!(plan["changes"], serde_json::json!([]), "{plan:#}");
    assert_eq!(plan["drift"], serde_json::json!([]), "{plan:#}");
}

fn assert_destroyed(project: &Project) {
    project.ok("destroy --auto-approve");
    let left = cloud::left_over(&Emulator::world_of(project).url);
    assert!(left.is_empty(), "{left:?}");
}

/// What is offered no more and used no more: the user is changed or deleted first.
fn withdrawn_with_its_use(offer: Offer) {
    let project = shop(offer);
    for file in ["network.yaml", "app.yaml", "shop.yaml"] {
        without(&project, file, "Clients");
        without(&project, file, "Orders");
    }
    let events = Events::of(&project);
    events.assert_before(("update", "Ledger"), ("delete", "Clients"));
    events.assert_before(("delete", "Out"), ("delete", "Clients"));
    events.assert_before(("delete", "Where"), ("delete", "Orders"));
    assert_settled(&project);
    assert_destroyed(&project);
}

#[test]
fn an_export_goes_after_what_imported_it() {
    withdrawn_with_its_use(Exports);
}

#[test]
fn what_a_nested_stack_put_out_goes_after_what_was_given_it() {
    withdrawn_with_its_use(Outputs);
}

/// What is offered is made anew: the new one, then its users move, then the old one goes; where there is room for one only, the
/// users let it go first.
fn replaced(offer: Offer) {
    let project = shop(offer);
    project.edit(
        "network.yaml",
        "GroupDescription: clients",
        "GroupDescription: all clients",
    );
    project.edit("network.yaml", "10.4.2.0/24", "10.4.3.0/24");
    let events = Events::of(&project);
    events.assert_before(("replace", "Clients"), ("update", "Ledger"));
    events.assert_before(("update", "Ledger"), ("delete", "Clients"));
    events.assert_before(("replace", "Out"), ("delete", "Out"));
    events.assert_before(("delete", "Out"), ("delete", "Clients"));
    events.assert_before(("replace", "Two"), ("update", "Databases"));
    events.assert_before(("update", "Databases"), ("delete", "Two"));
    assert_settled(&project);
    // A fixed name: the profile cannot keep the old role until the new one is there.
    project.edit("network.yaml", "Path: /a/", "Path: /b/");
    let events = Events::of(&project);
    events.assert_before(("delete", "Profile"), ("delete", "Reader"));
    events.assert_before(("delete", "Reader"), ("replace", "Reader"));
    events.assert_before(("replace", "Reader"), ("replace", "Profile"));
    assert_settled(&project);
    assert_destroyed(&project);
}

#[test]
fn what_is_exported_is_made_anew_in_one_run() {
    replaced(Exports);
}

#[test]
fn what_a_nested_stack_puts_out_is_made_anew_in_one_run() {
    replaced(Outputs);
}

#[test]
fn an_export_that_is_still_imported_is_not_taken_away() {
    let project = shop(Exports);
    let before = project.read(".payctl/state/local.json");
    without(&project, "network.yaml", "Clients");
    let refused = project.fails("apply --auto-approve", 1);
    insta::assert_snapshot!(refused.err, @r#"
    unknown-import

      × `shop-Clients` is not exported in us-east-1 any more, and this imports it:
      │ the output `Clients` of us-east-1/network exported it when it was last
      │ applied
       ╭─[app.yaml:7:101]
     6 │       VpcId: !ImportValue shop-Vpc
     7 │       SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 3306, ToPort: 3306, SourceSecurityGroupId: !ImportValue shop-Clients}] # Clients
       ·                                                                                                     ─────────────────────────
     8 │   Out: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !ImportValue shop-Clients, IpProtocol: tcp, FromPort: 3306, ToPort: 3306, DestinationSecurityGroupId: !Ref Ledger}} # Clients
       ╰────
      help: put the output and its export back into network.yaml, or take the
            import out in the same edit: one apply then changes what imports
            before it deletes what was exported

    unknown-import

      × `shop-Clients` is not exported in us-east-1 any more, and this imports it:
      │ the output `Clients` of us-east-1/network exported it when it was last
      │ applied
       ╭─[app.yaml:8:68]
     7 │       SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 3306, ToPort: 3306, SourceSecurityGroupId: !ImportValue shop-Clients}] # Clients
     8 │   Out: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !ImportValue shop-Clients, IpProtocol: tcp, FromPort: 3306, ToPort: 3306, DestinationSecurityGroupId: !Ref Ledger}} # Clients
       ·                                                                    ─────────────────────────
     9 │   Databases: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: ledger, SubnetIds: !Split [',', !ImportValue shop-Subnets]}} # Databases
       ╰────
      help: put the output and its export back into network.yaml, or take the
            import out in the same edit: one apply then changes what imports
            before it deletes what was exported

    2 mistakes
    "#);
    let validated = project.fails("validate --json", 1).json();
    assert_eq!(
        validated["error"]["code"], "unknown-import",
        "{validated:#}"
    );
    assert_eq!(validated["error"]["file"], "app.yaml", "{validated:#}");
    // The output is there, and exports nothing.
    let project_again = shop(Exports);
    project_again.edit("network.yaml", ", Export: {Name: shop-Clients}", "");
    let refused = project_again.fails("plan", 1);
    insta::assert_snapshot!(refused.err, @r#"
    unknown-import

      × `shop-Clients` is not exported in us-east-1 any more, and this imports it:
      │ the output `Clients` of us-east-1/network exported it when it was last
      │ applied
       ╭─[app.yaml:7:101]
     6 │       VpcId: !ImportValue shop-Vpc
     7 │       SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 3306, ToPort: 3306, SourceSecurityGroupId: !ImportValue shop-Clients}] # Clients
       ·                                                                                                     ─────────────────────────
     8 │   Out: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !ImportValue shop-Clients, IpProtocol: tcp, FromPort: 3306, ToPort: 3306, DestinationSecurityGroupId: !Ref Ledger}} # Clients
       ╰────
      help: give the output its export back, at network.yaml:11:3, or take the
            import out in the same edit: one apply then changes what imports
            before it deletes what was exported

    unknown-import

      × `shop-Clients` is not exported in us-east-1 any more, and this imports it:
      │ the output `Clients` of us-east-1/network exported it when it was last
      │ applied
       ╭─[app.yaml:8:68]
     7 │       SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 3306, ToPort: 3306, SourceSecurityGroupId: !ImportValue shop-Clients}] # Clients
     8 │   Out: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !ImportValue shop-Clients, IpProtocol: tcp, FromPort: 3306, ToPort: 3306, DestinationSecurityGroupId: !Ref Ledger}} # Clients
       ·                                                                    ─────────────────────────
     9 │   Databases: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: ledger, SubnetIds: !Split [',', !ImportValue shop-Subnets]}} # Databases
       ╰────
      help: give the output its export back, at network.yaml:11:3, or take the
            import out in the same edit: one apply then changes what imports
            before it deletes what was exported

    2 mistakes
    "#);
    assert_eq!(project.read(".payctl/state/local.json"), before);
}

#[test]
fn an_output_that_is_still_given_on_is_not_taken_away() {
    let project = shop(Outputs);
    without(&project, "network.yaml", "Clients");
    let refused = project.fails("apply --auto-approve", 1);
    insta::assert_snapshot!(refused.err, @r#"
    unknown-attribute

      × App: the nested stack `Network` has no output `Clients`
        ╭─[shop.yaml:9:34]
      8 │         Subnets: !GetAtt Network.Outputs.Subnets # Subnets
      9 │         Clients: !GetAtt Network.Outputs.Clients # Clients
        ·                                  ───────────────
     10 │         Orders: !GetAtt Network.Outputs.Orders # Orders
        ╰────
      help: outputs of network.yaml: Orders, Reader, Subnets, Vpc
    "#);
}

/// A stack under another name: everything in it is made anew, its users move, and the old ones go.
#[test]
fn a_stack_that_is_renamed_is_made_anew_and_its_importers_move() {
    let project = shop(Exports);
    project.edit("payctl.toml", "name = \"network\"", "name = \"net\"");
    // A subnet group does not move to another network (API_ModifyDBSubnetGroup, InvalidSubnet): no order would help.
    without(&project, "app.yaml", "Databases");
    let events = Events::of(&project);
    events.assert_before(("create", "Clients"), ("replace", "Ledger"));
    events.assert_before(("delete", "Out"), ("delete", "Clients"));
    events.assert_before(("delete", "Ledger"), ("delete", "Clients"));
    events.assert_before(("delete", "Reader"), ("create", "Reader"));
    assert_settled(&project);
    assert_destroyed(&project);
}

/// A nested stack that leaves its template takes all with it.
#[test]
fn a_nested_stack_that_goes_takes_everything_with_it() {
    let project = shop(Outputs);
    let text = project.read("shop.yaml");
    let (_, network) = text.split_once("  Network:\n").expect("the other stack");
    project.write("shop.yaml", &format!("Resources:\n  Network:\n{network}"));
    let gone =
        ["Databases", "Ledger", "Out", "Profile", "Where"].map(|name| format!("delete {name}"));
    assert_eq!(project.actions(""), gone);
    let events = Events::of(&project);
    events.assert_before(("delete", "Out"), ("delete", "Ledger"));
    assert_settled(&project);
    // The other way round: what offers goes with what used it.
    project.write(
        "shop.yaml",
        "Resources:\n  Topic: {Type: AWS::SNS::Topic}\n",
    );
    let events = Events::of(&project);
    events.assert_before(("delete", "One"), ("delete", "Vpc"));
    events.assert_before(("delete", "Clients"), ("delete", "Vpc"));
    assert_settled(&project);
    assert_destroyed(&project);
}
