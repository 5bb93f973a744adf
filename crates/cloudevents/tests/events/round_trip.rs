//! What is encoded is decoded to the same event, in every mode.

use bytes::Bytes;
use flowmill_cloudevents::{Data, Event, http, kafka};
use flowmill_flow::Json;
use proptest::collection::btree_map;
use proptest::prelude::*;

/// A content type and data of it.
fn data() -> impl Strategy<Value = (Option<&'static str>, Option<Data>)> {
    let json = |text: &str| Some(Data::Json(Json::parse(text.as_bytes()).expect("JSON")));
    prop_oneof![
        Just((None, None)),
        Just((Some("text/plain"), None)),
        "[a-z]{0,8}".prop_map(move |text| {
            (Some("application/json"), json(&format!("{{\"k\":[1.50,\"{text}\"]}}")))
        }),
        Just((Some("application/vnd.x+json; charset=utf-8"), json("null"))),
        Just((None, json("{\"a\":12345678901234567890}"))),
        "\\PC{1,20}".prop_map(|text| (Some("text/plain"), Some(Data::Text(text)))),
        proptest::collection::vec(any::<u8>(), 1..20).prop_map(|mut bytes| {
            bytes.push(0xff);
            (Some("application/octet-stream"), Some(Data::Binary(Bytes::from(bytes))))
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let text = || "\\PC{1,20}";
    let extensions = btree_map("x[a-z0-9]{1,8}", text(), 0..3);
    let subject = proptest::option::of(text());
    (text(), text(), text(), subject, extensions, data()).prop_map(
        |(id, source, kind, subject, extensions, (content_type, data))| Event {
            subject,
            time: Some("2026-01-02T03:04:05.678Z".to_owned()),
            data_content_type: content_type.map(str::to_owned),
            extensions,
            data,
            ..Event::new(id, source, kind).expect("nothing is empty")
        },
    )
}

proptest! {
    #[test]
    fn an_event_survives_every_mode(event in event()) {
        prop_assert_eq!(&kafka::decode(&kafka::binary(&event)).expect("binary"), &event);
        prop_assert_eq!(&kafka::decode(&kafka::structured(&event)).expect("structured"), &event);
        prop_assert_eq!(&http::decode_one(&http::binary(&event)).expect("binary"), &event);
        prop_assert_eq!(&http::decode_one(&http::structured(&event)).expect("structured"), &event);
        let pair = [event.clone(), event];
        prop_assert_eq!(&http::decode(&http::batched(&pair)).expect("batched")[..], &pair[..]);
    }

    #[test]
    fn nothing_that_strangers_send_is_fatal(value: Vec<u8>, content_type: String) {
        let headers = [("content-type", content_type), ("ce_specversion", "1.0".to_owned())];
        let headers = headers.map(|(name, text)| (name.to_owned(), Bytes::from(text))).to_vec();
        let record = kafka::Message { headers, value: Some(value.into()) };
        prop_assert!(kafka::decode(&record).is_err());
    }
}
