//! Keeps a consumer for every flow whose default version has triggers.

use std::collections::BTreeMap;
use std::time::Duration;

use flowmill_catalog::{Catalogue, Deployed};
use flowmill_flow::Trigger;
use flowmill_log::kafka::Clients;
use flowmill_model::{FlowName, limits};
use flowmill_runtime::spawn;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::consumer::{Plan, Running, Topics};
use super::starting::Starter;
use crate::Gateway;

/// How long consumers may take to leave their groups.
const LEAVE: Duration = Duration::from_secs(5);

/// What triggers are made of.
#[derive(Clone)]
pub struct TriggerParts {
    /// Starts executions, and knows the deployed flows.
    pub gateway: Gateway,
    /// Makes the consumers. Their groups are named after its cluster.
    pub clients: Clients,
}

/// The triggers of a gateway, running.
pub struct Triggers {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Triggers {
    /// Serves the triggers of every flow that is or will be deployed, in tasks of the current
    /// runtime and threads of their own. Dropping it ends it at once.
    pub fn start(parts: TriggerParts) -> Self {
        let stop = CancellationToken::new();
        let follower = Follower { parts, runtime: Handle::current(), running: BTreeMap::new() };
        let task = spawn("triggers", follower.follow(stop.clone()));
        Self { stop, task }
    }

    /// Commits what is done and leaves the groups. Starts under way may still become durable;
    /// whoever reads their records next starts nothing new.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::warn!(%error, "the triggers did not end in good order");
        }
    }
}

impl Drop for Triggers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Follower {
    parts: TriggerParts,
    runtime: Handle,
    running: BTreeMap<FlowName, (Topics, Running)>,
}

impl Follower {
    async fn follow(mut self, stop: CancellationToken) {
        let mut catalogue = self.parts.gateway.parts().catalogue.clone();
        loop {
            self.apply(&triggered(&catalogue)).await;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = catalogue.changed() => {}
            }
        }
        let leaving = std::mem::take(&mut self.running).into_values();
        let leaving = futures::future::join_all(leaving.map(|(_, running)| running.stop()));
        if tokio::time::timeout(LEAVE, leaving).await.is_err() {
            tracing::warn!("a trigger did not leave its group in time");
        }
    }

    /// Starts, changes and ends consumers so that they are those that are wanted.
    async fn apply(&mut self, wanted: &BTreeMap<FlowName, Topics>) {
        let gone = self.running.extract_if(.., |flow, _| !wanted.contains_key(flow));
        let gone: Vec<_> = gone.map(|(_, (_, running))| running.stop()).collect();
        futures::future::join_all(gone).await;
        for (flow, topics) in wanted {
            match self.running.get_mut(flow) {
                Some((served, running)) if served != topics => {
                    running.read(topics.clone());
                    served.clone_from(topics);
                }
                Some(_) => {}
                None => self.begin(flow, topics),
            }
        }
    }

    fn begin(&mut self, flow: &FlowName, topics: &Topics) {
        let limit = limits::TRIGGERED_FLOWS;
        if self.running.len() >= limit {
            tracing::error!(%flow, limit, "there are too many flows with triggers; it has none");
            return;
        }
        let TriggerParts { gateway, clients } = &self.parts;
        let purpose = format!("trigger.{}.{}", flow.namespace, flow.name);
        let group = clients.settings().cluster.group(&purpose);
        let plan = Plan {
            flow: flow.clone(),
            purpose,
            clients: clients.clone(),
            starter: Starter::new(gateway.clone(), flow.clone(), group.clone()),
            group,
            metrics: gateway.parts().settings.metrics.clone(),
            runtime: self.runtime.clone(),
        };
        match Running::start(plan, topics.clone()) {
            Ok(running) => drop(self.running.insert(flow.clone(), (topics.clone(), running))),
            Err(error) => tracing::error!(%flow, %error, "a trigger cannot be started"),
        }
    }
}

/// The topics of every flow that listens to some.
pub(crate) fn triggered(catalogue: &Catalogue) -> BTreeMap<FlowName, Topics> {
    let topics = |deployed: Deployed| {
        let triggers = deployed.flow.triggers().iter().map(|trigger| match trigger {
            Trigger::Kafka(trigger) => (trigger.topic.clone(), trigger.from),
        });
        (deployed.record.flow.flow.clone(), triggers.collect::<Topics>())
    };
    let all = catalogue.flows().into_iter().map(topics);
    all.filter(|(_, topics)| !topics.is_empty()).collect()
}
