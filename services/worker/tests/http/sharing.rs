//! One host's calls do not take the place of another's.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use flowmill_model::limits;
use flowmill_model::task::Outcome;
use flowmill_worker::Settings;
use serde_json::json;
use tokio::sync::Notify;

use crate::rig::{Rig, serve};

#[tokio::test]
async fn a_host_that_hangs_holds_a_quarter_and_the_rest_is_handed_back() {
    let (began, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let inner = (Arc::clone(&began), Arc::clone(&go_on));
    let hang = move || {
        let (began, go_on) = inner.clone();
        async move {
            began.notify_one();
            go_on.notified().await;
            "done"
        }
    };
    let router = Router::new().route("/hang", get(hang)).route("/quick", get(|| async { "quick" }));
    let port = serve(router).await.port();
    let slots = NonZeroUsize::new(8).expect("not zero");
    let mut rig = Rig::with(|settings| Settings { slots, ..settings }).await;
    let to = |host: &str, path: &str| json!({"method": "GET", "url": format!("http://{host}:{port}/{path}")});
    for _ in 0..2 {
        let task = rig.task(&to("127.0.0.1", "hang"));
        rig.send(&task).await;
        began.notified().await;
    }
    let Outcome::Later(millis) = rig.call(to("127.0.0.1", "quick")).await else {
        panic!("the host has its share");
    };
    assert!(u128::from(millis) >= limits::HOST_TURN_MIN.as_millis(), "{millis}");
    assert_eq!(rig.output(to("localhost", "quick")).await["body"], json!("quick"));
    go_on.notify_one();
    assert!(matches!(rig.outcome().await, Outcome::Completed(_)));
    assert_eq!(rig.output(to("127.0.0.1", "quick")).await["body"], json!("quick"));
    go_on.notify_one();
    assert!(matches!(rig.outcome().await, Outcome::Completed(_)));
}
