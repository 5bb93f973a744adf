//! The CloudEvents project's own conformance features, run as they are.
//!
//! They lie outside the repository, in `../shared/cloudevents` beside it, or in
//! `$FLOWMILL_SHARED/cloudevents`. Where they are not, these tests fail and say so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use flowmill_cloudevents::{Data, Event, SPEC_VERSION, http, kafka};
use flowmill_flow::Json;

use super::gherkin::{self, Step};

fn shared() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    std::env::var_os("FLOWMILL_SHARED").map_or_else(beside, PathBuf::from)
}

fn feature(name: &str) -> String {
    let path = shared().join("cloudevents").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "the conformance feature is expected at {}: {error}; put the features of \
             github.com/cloudevents/conformance there, or set FLOWMILL_SHARED to the folder \
             that has them in `cloudevents`",
            path.display()
        )
    })
}

/// What a scenario has come to so far.
#[derive(Default)]
struct World {
    record: kafka::Message,
    request: http::Message,
    event: Option<Event>,
}

impl World {
    fn run(&mut self, step: &Step) {
        match step.words.as_str() {
            "Kafka Protocol Binding is supported" | "HTTP Protocol Binding is supported" => {}
            "a Kafka message with payload:" => self.record.value = Some(step.text.clone().into()),
            "Kafka headers:" => {
                let pairs = step.table[1..].iter();
                let header = |row: &Vec<String>| (row[0].clone(), row[1].clone().into());
                self.record.headers = pairs.map(header).collect();
            }
            "an HTTP request" => self.request = request(&step.text),
            "parsed as Kafka message" => {
                self.event = Some(kafka::decode(&self.record).expect("an event"));
            }
            "parsed as HTTP request" => {
                self.event = Some(http::decode_one(&self.request).expect("an event"));
            }
            "the attributes are:" => self.check_attributes(step),
            "the data is equal to the following JSON:" => self.check_data(step),
            other => panic!("a step that is not known: {other}"),
        }
    }

    fn event(&self) -> &Event {
        self.event.as_ref().expect("a message was parsed")
    }

    fn check_attributes(&self, step: &Step) {
        let expect: BTreeMap<_, _> =
            step.table[1..].iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
        let found = self.event().attributes().chain([("specversion", SPEC_VERSION)]).collect();
        assert_eq!(expect, found);
    }

    fn check_data(&self, step: &Step) {
        let expect = Json::parse(step.text.as_bytes()).expect("JSON");
        assert_eq!(self.event().data, Some(Data::Json(expect)));
    }
}

/// A request as it is written on the wire.
fn request(text: &str) -> http::Message {
    let (head, body) = text.split_once("\n\n").expect("an empty line after the head");
    let header = |line: &str| {
        let (name, value) = line.split_once(':').expect("a header");
        (name.to_owned(), value.trim().to_owned())
    };
    let headers = head.lines().skip(1).map(header).collect();
    http::Message { headers, body: body.to_owned().into() }
}

#[track_caller]
fn check(name: &str, scenarios: usize) {
    let found = gherkin::scenarios(&feature(name));
    assert_eq!(found.len(), scenarios, "scenarios in {name}");
    for scenario in found {
        assert!(scenario.steps.len() >= 4, "{} is read whole", scenario.name);
        let mut world = World::default();
        scenario.steps.iter().for_each(|step| world.run(step));
    }
}

#[test]
fn the_kafka_protocol_binding_conforms() {
    check("kafka-protocol-binding.feature", 3);
}

#[test]
fn the_http_protocol_binding_conforms() {
    check("http-protocol-binding.feature", 4);
}
