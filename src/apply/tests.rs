//! The executor on a fake cloud and tokio's paused clock: waits cost nothing, and times are exact.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::Happened;
use super::fake::{Deploys, Ended, Nature, Scene, address};
use crate::plan::Milestone::{self, Accepted, Ready};

fn uses<const N: usize>(uses: [(&str, Milestone); N]) -> BTreeMap<String, Milestone> {
    uses.into_iter()
        .map(|(name, milestone)| (name.to_owned(), milestone))
        .collect()
}

fn story(ended: &Ended) -> Vec<String> {
    ended
        .events
        .iter()
        .filter_map(|event| {
            let at = event
                .time
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs();
            let (what, address) = match &event.what {
                Happened::Started { address, .. } => ("started", address),
                Happened::Done { address, .. } => ("done", address),
                Happened::Failed { address, .. } => ("failed", address),
                Happened::Skipped { address, .. } => ("skipped", address),
                _ => return None,
            };
            Some(format!("{at} {} {what}", address.logical_id))
        })
        .collect()
}

/// A gateway takes long to be ready; a listener needs it accepted only, a route needs it ready.
fn gateway() -> Vec<(&'static str, Nature)> {
    vec![
        (
            "Network",
            Nature {
                call: 2,
                ..Nature::default()
            },
        ),
        (
            "Gateway",
            Nature {
                call: 1,
                ready: 60,
                uses: uses([("Network", Accepted)]),
                ..Nature::default()
            },
        ),
        (
            "Listener",
            Nature {
                call: 4,
                uses: uses([("Gateway", Accepted)]),
                ..Nature::default()
            },
        ),
        (
            "Route",
            Nature {
                call: 1,
                uses: uses([("Gateway", Ready)]),
                ..Nature::default()
            },
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_waits_for_its_milestone_and_no_longer() {
    let mut scene = Scene::new(&gateway());
    let ended = scene.run(false, None, CancellationToken::new()).await;
    let story = story(&ended);
    assert!(ended.outcome.unwrap().is_complete());
    assert_eq!(
        scene.cloud.world.lock().unwrap().laws_broken,
        Vec::<String>::new()
    );
    insta::assert_snapshot!(story.join("\n"), @r"
    0 Network started
    2 Network done
    2 Gateway started
    3 Listener started
    7 Listener done
    65 Gateway done
    65 Route started
    66 Route done
    ");
    let again = scene.run(false, None, CancellationToken::new()).await;
    assert_eq!((again.records, again.events.len()), (0, 0));
    let destroyed = scene.run(true, None, CancellationToken::new()).await;
    assert!(destroyed.outcome.unwrap().is_complete());
    assert_eq!(scene.cloud.existing(), Vec::<String>::new());
    assert_eq!(scene.kept, Default::default());
}

#[tokio::test(start_paused = true)]
async fn the_makespan_is_the_critical_path() {
    let long = |after: &str| Nature {
        call: 10,
        uses: uses([(after, Accepted)]),
        ..Nature::default()
    };
    let mut natures = vec![
        (
            "A",
            Nature {
                call: 10,
                ..Nature::default()
            },
        ),
        ("B", long("A")),
        ("C", long("B")),
    ];
    natures.extend(["U", "V", "W", "X"].map(|name| {
        (
            name,
            Nature {
                call: 10,
                ..Nature::default()
            },
        )
    }));
    // With three places, 70 seconds of calls cannot take less than 30; only the longest chain first makes it 30.
    let mut scene = Scene::new(&natures);
    scene.concurrency = 3;
    let outcome = scene
        .run(false, None, CancellationToken::new())
        .await
        .outcome
        .unwrap();
    assert_eq!(outcome.took, Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_only_what_needs_it() {
    let mut natures = gateway();
    natures[1].1.broken = true;
    natures.push((
        "Other",
        Nature {
            call: 5,
            ..Nature::default()
        },
    ));
    natures.push((
        "After",
        Nature {
            uses: uses([("Route", Accepted)]),
            ..Nature::default()
        },
    ));
    let mut scene = Scene::new(&natures);
    let ended = scene.run(false, None, CancellationToken::new()).await;
    let outcome = ended.outcome.unwrap();
    assert_eq!(
        outcome.failures.keys().collect::<Vec<_>>(),
        [&address("Gateway")]
    );
    assert_eq!(
        outcome.skipped,
        BTreeMap::from(["Route", "After"].map(|name| (address(name), address("Gateway"))))
    );
    // The listener needed the gateway accepted only, and the rest went on.
    assert_eq!(
        scene.cloud.existing(),
        ["Gateway", "Listener", "Network", "Other"]
    );
    assert!(scene.kept.resources[&address("Gateway")].tainted);

    // The next run replaces what is broken, moves what uses it, and ends complete.
    let mut mended = Scene::new(
        &natures
            .iter()
            .cloned()
            .map(|(n, x)| (n, Nature { broken: false, ..x }))
            .collect::<Vec<_>>(),
    );
    mended.kept = scene.kept.clone();
    *mended.cloud.world.lock().unwrap() = std::mem::take(&mut *scene.cloud.world.lock().unwrap());
    mended.version = 2;
    let ended = mended.run(false, None, CancellationToken::new()).await;
    assert!(ended.outcome.unwrap().is_complete(), "{:?}", ended.events);
    assert_eq!(
        mended.cloud.existing(),
        ["After", "Gateway", "Listener", "Network", "Other", "Route"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_aws_refused_leaves_nothing_and_what_panicked_is_found_again() {
    let natures = [
        (
            "Refused",
            Nature {
                refused: true,
                ..Nature::default()
            },
        ),
        (
            "Panics",
            Nature {
                panics: true,
                ..Nature::default()
            },
        ),
    ];
    let mut scene = Scene::new(&natures);
    let outcome = scene
        .run(false, None, CancellationToken::new())
        .await
        .outcome
        .unwrap();
    assert!(!outcome.failures[&address("Refused")].in_doubt);
    assert!(outcome.failures[&address("Panics")].in_doubt);
    assert_eq!(
        scene.kept.resources.keys().collect::<Vec<_>>(),
        [&address("Panics")]
    );
}

#[tokio::test(start_paused = true)]
async fn what_aws_shows_late_is_waited_for() {
    let natures = [
        (
            "Slow",
            Nature {
                call: 1,
                visible: 20,
                arn: 30,
                ..Nature::default()
            },
        ),
        (
            "User",
            Nature {
                uses: uses([("Slow", Accepted)]),
                ..Nature::default()
            },
        ),
    ];
    let mut scene = Scene::new(&natures);
    assert!(
        scene
            .run(false, None, CancellationToken::new())
            .await
            .outcome
            .unwrap()
            .is_complete()
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_lets_calls_finish_and_starts_nothing() {
    let mut scene = Scene::new(&gateway());
    let stop = CancellationToken::new();
    let clock = scene.cloud.clock.clone();
    let interrupt = stop.clone();
    tokio::spawn(async move {
        clock.sleep(Duration::from_secs(5)).await;
        interrupt.cancel();
    });
    let outcome = scene.run(false, None, stop).await.outcome.unwrap();
    // The listener was being made at 5 s: that call finished. The route was not started.
    assert_eq!(scene.cloud.existing(), ["Gateway", "Listener", "Network"]);
    assert_eq!(outcome.took, Duration::from_secs(7));
    assert_eq!(outcome.counts.interrupted, 2);
    assert!(!scene.kept.resources[&address("Gateway")].tainted);
    assert!(
        scene
            .run(false, None, CancellationToken::new())
            .await
            .outcome
            .unwrap()
            .is_complete()
    );
}

/// Killed after every single record of apply and of destroy, then run again: nothing twice, nothing left over.
#[tokio::test(start_paused = true)]
async fn killed_after_any_record_it_goes_on() {
    for cut in 1.. {
        let mut scene = Scene::new(&gateway());
        let first = scene.run(false, Some(cut), CancellationToken::new()).await;
        let again = scene.run(false, None, CancellationToken::new()).await;
        assert!(again.outcome.unwrap().is_complete());
        assert_eq!(
            scene.cloud.existing(),
            ["Gateway", "Listener", "Network", "Route"],
            "after record {cut}"
        );
        assert_eq!(scene.kept.resources.len(), 4);
        scene.run(true, Some(cut), CancellationToken::new()).await;
        let again = scene.run(true, None, CancellationToken::new()).await;
        assert!(again.outcome.unwrap().is_complete());
        assert_eq!(
            scene.cloud.existing(),
            Vec::<String>::new(),
            "destroy, after record {cut}"
        );
        assert_eq!(
            scene.cloud.world.lock().unwrap().laws_broken,
            Vec::<String>::new()
        );
        if first.outcome.is_some() {
            assert!(cut > 10, "the journal has more than a handful of records");
            return;
        }
    }
}

const NAMES: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

prop_compose! {
    /// A resource that uses some of those before it.
    fn nature(index: usize)(
        uses in prop::collection::btree_map(0..index.max(1), prop::bool::ANY, 0..=index.min(3)),
        call in 0u64..5, ready in 0u64..40, visible in 0u64..10, arn in 0u64..20,
        broken in prop::bool::weighted(0.1), refused in prop::bool::weighted(0.1), panics in prop::bool::weighted(0.05),
    ) -> Nature {
        let uses = if index == 0 { BTreeMap::new() } else { uses };
        let uses = uses.into_iter().map(|(at, ready)| (NAMES[at].to_owned(), if ready { Ready } else { Accepted }));
        Nature { uses: uses.collect(), call, ready, visible, arn, broken, refused, panics, listed: 0, lost: Vec::new(), strict: false, deploys: None, idempotent: false }
    }
}

fn natures() -> impl Strategy<Value = Vec<Nature>> {
    (0..NAMES.len()).map(nature).collect::<Vec<_>>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// From whatever a killed or failed run leaves: what the state knows is what exists, each once, and a run without
    /// faults completes it.
    #[test]
    fn nothing_is_lost_and_nothing_made_twice(
        natures in natures(), cuts in prop::collection::vec(1usize..80, 0..4), concurrency in 1usize..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async move {
            let named: Vec<(&str, Nature)> = NAMES.into_iter().zip(natures).collect();
            let mut scene = Scene::new(&named);
            scene.concurrency = concurrency;
            for cut in cuts {
                scene.run(false, Some(cut), CancellationToken::new()).await;
                let known: Vec<_> = {
                    let current = scene.kept.resources.values().map(|resource| resource.physical_id.clone());
                    let mut known: Vec<_> = current.chain(scene.kept.deposed.iter().map(|(_, id)| id.clone())).collect();
                    known.sort();
                    known
                };
                let existing: Vec<_> = scene.cloud.world.lock().unwrap().things.keys().cloned().collect();
                assert_eq!(known, existing);
            }
            let sound = |nature: Nature| Nature { broken: false, refused: false, panics: false, ..nature };
            let sound: Vec<_> = named.into_iter().map(|(name, nature)| (name, sound(nature))).collect();
            let mut mended = Scene::new(&sound);
            mended.kept = scene.kept.clone();
            let mut world = std::mem::take(&mut *scene.cloud.world.lock().unwrap());
            // The new scene's clock starts anew: what was made before is as old as that.
            world.things.values_mut().for_each(|thing| thing.made = mended.cloud.clock.now());
            *mended.cloud.world.lock().unwrap() = world;
            mended.version = 2;
            let ended = mended.run(false, None, CancellationToken::new()).await;
            let outcome = ended.outcome.unwrap();
            assert!(outcome.is_complete(), "{:?} {:?}", outcome.failures, outcome.interrupted);
            assert_eq!(mended.cloud.existing(), NAMES);
            assert_eq!(mended.cloud.world.lock().unwrap().laws_broken, Vec::<String>::new());
            mended.run(true, None, CancellationToken::new()).await;
            assert_eq!(mended.cloud.existing(), Vec::<String>::new());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_end_well_and_make_nothing_twice() {
    for lost in [
        vec![true],
        vec![false],
        vec![false, false, true],
        vec![false, true],
        vec![false, false, false],
    ] {
        let mut natures = gateway();
        for (_, nature) in &mut natures {
            nature.lost = lost.clone();
            nature.listed = 5;
        }
        let mut scene = Scene::new(&natures);
        let ended = scene.run(false, None, CancellationToken::new()).await;
        let outcome = ended.outcome.unwrap();
        assert!(outcome.is_complete(), "{lost:?}: {:?}", outcome.failures);
        assert_eq!(
            scene.cloud.existing(),
            ["Gateway", "Listener", "Network", "Route"]
        );
        let again = |event: &super::Event| matches!(event.what, Happened::Retrying { .. });
        assert!(ended.events.iter().any(again));
        // The same for updates and deletions.
        scene.cloud.world.lock().unwrap().forget_losses();
        scene.version = 2;
        let ended = scene.run(false, None, CancellationToken::new()).await;
        assert!(ended.outcome.unwrap().is_complete(), "{lost:?}");
        scene.cloud.world.lock().unwrap().forget_losses();
        let ended = scene.run(true, None, CancellationToken::new()).await;
        assert!(ended.outcome.unwrap().is_complete(), "{lost:?}");
        assert_eq!(scene.cloud.existing(), Vec::<String>::new());
        assert_eq!(scene.kept, Default::default());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_again_and_again_fails_and_the_next_run_makes_it() {
    let natures = [(
        "A",
        Nature {
            lost: vec![false; 4],
            ..Nature::default()
        },
    )];
    let mut scene = Scene::new(&natures);
    let ended = scene.run(false, None, CancellationToken::new()).await;
    assert_eq!(ended.outcome.unwrap().failures.len(), 1);
    assert_eq!(scene.cloud.existing(), Vec::<String>::new());
    let ended = scene.run(false, None, CancellationToken::new()).await;
    assert!(ended.outcome.unwrap().is_complete());
    assert_eq!(scene.cloud.existing(), ["A"]);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_call_that_is_refused_because_the_first_has_done_it_is_done() {
    for lost in [vec![true], vec![true, true], vec![false, true]] {
        let nature = Nature {
            lost: lost.clone(),
            strict: true,
            ..Nature::default()
        };
        let mut scene = Scene::new(&[("A", nature)]);
        scene.run(false, None, CancellationToken::new()).await;
        for destroy in [false, true] {
            scene.cloud.world.lock().unwrap().forget_losses();
            scene.version += 1;
            let ended = scene.run(destroy, None, CancellationToken::new()).await;
            let outcome = ended.outcome.unwrap();
            assert!(outcome.is_complete(), "{lost:?}: {:?}", outcome.failures);
        }
        assert_eq!(scene.cloud.existing(), Vec::<String>::new());
        assert_eq!(scene.kept, Default::default());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_replacement_gets_back_as_its_own_successor_stays() {
    let nature = |broken| Nature {
        broken,
        idempotent: true,
        ..Nature::default()
    };
    let mut scene = Scene::new(&[("A", nature(true))]);
    scene.run(false, None, CancellationToken::new()).await;
    assert!(scene.kept.resources[&address("A")].tainted);
    // The next run replaces it, cut off after each of its records or not at all.
    for cut in (1..12).map(Some).chain([None]) {
        let mut mended = Scene::new(&[("A", nature(false))]);
        mended.kept = scene.kept.clone();
        let things = scene.cloud.world.lock().unwrap().things.clone();
        mended.cloud.world.lock().unwrap().things = things;
        mended.run(false, cut, CancellationToken::new()).await;
        let ended = mended.run(false, None, CancellationToken::new()).await;
        let outcome = ended.outcome.unwrap();
        assert!(
            outcome.is_complete(),
            "{cut:?}: {:?} {:?}",
            outcome.failures,
            outcome.interrupted
        );
        assert_eq!(mended.cloud.existing(), ["A"], "{cut:?}");
        assert!(!mended.kept.resources[&address("A")].tainted, "{cut:?}");
        assert!(mended.kept.deposed.is_empty(), "{cut:?}");
    }
}

/// A service whose versions CodeDeploy brings in ten minutes.
fn deployed(fails: &[i64], lost: &[bool]) -> Scene {
    let nature = Nature {
        deploys: Some(Deploys {
            lasts: 600,
            fails: fails.to_vec(),
            lost: lost.to_vec(),
        }),
        ..Nature::default()
    };
    let user = Nature {
        uses: uses([("Service", Ready)]),
        ..Nature::default()
    };
    Scene::new(&[("Service", nature), ("User", user)])
}

fn runs(scene: &Scene) -> String {
    let world = scene.cloud.world.lock().unwrap();
    let service = |thing: &&super::fake::Thing| thing.address == address("Service");
    let thing = world.things.values().find(service).unwrap();
    let arn = thing.model.get("TaskDefinition").unwrap();
    arn.as_str().unwrap().to_owned()
}

fn recorded(scene: &Scene) -> String {
    let kept = &scene.kept.resources[&address("Service")];
    let arn = kept
        .last_applied
        .as_ref()
        .unwrap()
        .get("TaskDefinition")
        .unwrap();
    arn.as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_followed_to_its_end_and_who_needs_it_waits() {
    let mut scene = deployed(&[], &[]);
    scene.run(false, None, CancellationToken::new()).await;
    scene.version = 2;
    let ended = scene.run(false, None, CancellationToken::new()).await;
    assert!(ended.outcome.as_ref().unwrap().is_complete());
    let story = story(&ended);
    let at = |what: &str| story.iter().position(|line| line.ends_with(what)).unwrap();
    assert!(at("Service done") < at("User started"), "{story:?}");
    let told = |event: &&super::Event| matches!(event.what, Happened::Deployment { .. });
    // It is told of once for each thing that changes.
    assert_eq!(ended.events.iter().filter(told).count(), 2);
    assert_eq!(
        (runs(&scene), recorded(&scene)),
        ("api:2".into(), "api:2".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_fails_leaves_the_state_as_it_was() {
    let mut scene = deployed(&[2], &[]);
    scene.run(false, None, CancellationToken::new()).await;
    scene.version = 2;
    let ended = scene.run(false, None, CancellationToken::new()).await;
    let outcome = ended.outcome.unwrap();
    let failure = &outcome.failures[&address("Service")];
    assert_eq!(failure.code(), "deployment");
    insta::assert_snapshot!(failure, @"CodeDeploy's deployment d-1 is Failed (UNHEALTHY: no task stays up)");
    assert!(outcome.skipped.contains_key(&address("User")));
    assert_eq!(
        (runs(&scene), recorded(&scene)),
        ("api:1".into(), "api:1".into())
    );
    // The next run tries again.
    scene.version = 3;
    scene.run(false, None, CancellationToken::new()).await;
    assert_eq!(
        (runs(&scene), recorded(&scene)),
        ("api:3".into(), "api:3".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_deployment_goes_on_and_is_found_again() {
    let mut scene = deployed(&[], &[]);
    scene.run(false, None, CancellationToken::new()).await;
    scene.version = 2;
    let stop = CancellationToken::new();
    let clock = scene.cloud.clock.clone();
    let later = stop.clone();
    tokio::spawn(async move {
        clock.sleep(Duration::from_secs(60)).await;
        later.cancel();
    });
    let ended = scene.run(false, None, stop).await;
    let outcome = ended.outcome.unwrap();
    assert!(outcome.failures.is_empty() && outcome.interrupted.contains(&address("Service")));
    let says_how = |event: &super::Event| match &event.what {
        Happened::Deployment { state, .. } => state.contains("payctl deployments Service --follow"),
        _ => false,
    };
    assert!(ended.events.iter().any(says_how));
    assert_eq!(recorded(&scene), "api:1");
    scene.run(false, None, CancellationToken::new()).await;
    assert_eq!(
        (runs(&scene), recorded(&scene)),
        ("api:2".into(), "api:2".into())
    );
    assert_eq!(scene.cloud.world.lock().unwrap().deployments.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_deployment_is_in_the_way() {
    let mut scene = deployed(&[], &[]);
    scene.run(false, None, CancellationToken::new()).await;
    scene.version = 2;
    let stop = CancellationToken::new();
    let (clock, later) = (scene.cloud.clock.clone(), stop.clone());
    tokio::spawn(async move {
        clock.sleep(Duration::from_secs(60)).await;
        later.cancel();
    });
    scene.run(false, None, stop).await;
    scene.version = 3;
    let ended = scene.run(false, None, CancellationToken::new()).await;
    let failure = ended.outcome.unwrap().failures[&address("Service")].to_string();
    assert!(
        failure.contains("somebody else is deploying api:2 to it (d-1 is Running)"),
        "{failure}"
    );
    assert_eq!(scene.cloud.world.lock().unwrap().deployments.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_record_a_deployment_is_made_once() {
    for lost in [&[][..], &[false], &[true]] {
        for cut in 1.. {
            let mut scene = deployed(&[], lost);
            scene.run(false, None, CancellationToken::new()).await;
            scene.version = 2;
            let ended = scene.run(false, Some(cut), CancellationToken::new()).await;
            let was_cut = ended.outcome.is_none();
            scene.run(false, None, CancellationToken::new()).await;
            // What runs already when the next run looks is taken in by that: it compares with what is live.
            assert_eq!(runs(&scene), "api:2", "{lost:?} cut after {cut}");
            let made = scene.cloud.world.lock().unwrap().deployments.len();
            assert_eq!(made, 1, "{lost:?} cut after {cut}");
            if !was_cut {
                break;
            }
        }
    }
}
