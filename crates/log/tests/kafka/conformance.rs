//! The conformance suite on one broker and on three.

use flowmill_log::conformance::Subject;
use flowmill_log::kafka::Replicas;
use futures::FutureExt;

use crate::brokers;

fn subject(brokers: &str, replicas: Replicas) -> Subject {
    let settings = brokers::settings(brokers);
    Subject::new(move || {
        let settings = settings.clone();
        async move { brokers::log(&settings, replicas).await }.boxed()
    })
}

mod one_broker {
    flowmill_log::log_conformance!(super::subject(&crate::brokers::one(), super::Replicas::SINGLE));
}

mod three_brokers {
    flowmill_log::log_conformance!(super::subject(&crate::brokers::three(), super::Replicas::SAFE));
}
