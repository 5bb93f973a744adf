//! The Compose file is well-formed, pinned, and open to this machine alone.

use std::path::Path;

use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

const SERVICES: [&str; 5] = ["kafka", "scylla", "jaeger", "prometheus", "grafana"];

/// What the YAML says, every plain value as text.
fn read(yaml: &str) -> Value {
    let events = Parser::new_from_str(yaml).map(|event| event.unwrap().0);
    let mut events = events.filter(|event| {
        !matches!(event, Event::StreamStart | Event::DocumentStart(_) | Event::Nothing)
    });
    value(&events.next().unwrap(), &mut events)
}

fn value<'a>(first: &Event<'a>, rest: &mut impl Iterator<Item = Event<'a>>) -> Value {
    if let Event::Scalar(text, ..) = first {
        return Value::String(text.to_string());
    }
    if let Event::SequenceStart(..) = first {
        let mut list = vec![];
        loop {
            let item = rest.next().unwrap();
            if matches!(item, Event::SequenceEnd) {
                return list.into();
            }
            list.push(value(&item, rest));
        }
    }
    assert!(matches!(first, Event::MappingStart(..)), "{first:?} is not read here");
    let mut map = Map::new();
    loop {
        let Event::Scalar(key, ..) = rest.next().unwrap() else { return map.into() };
        let item = rest.next().unwrap();
        let said = map.insert(key.to_string(), value(&item, rest));
        assert_eq!(said, None, "{key} is said twice");
    }
}

fn compose() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/compose");
    read(&std::fs::read_to_string(folder.join("compose.yaml")).unwrap())
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|item| item.as_str().unwrap()).collect()
}

/// Whether a tag is an exact version, such as `v3.13.0`.
fn is_exact(tag: &str) -> bool {
    let parts: Vec<&str> = tag.trim_start_matches('v').split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
}

#[test]
fn the_compose_file_has_exact_images_loopback_ports_and_health_checks() {
    let compose = compose();
    let services = compose["services"].as_object().unwrap();
    let mut names: Vec<&str> = services.keys().map(String::as_str).collect();
    names.sort_by_key(|name| SERVICES.iter().position(|known| known == name));
    assert_eq!(names, SERVICES);
    for (name, service) in services {
        let (image, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
        assert!(!image.is_empty() && is_exact(tag), "{name}: {tag} is no exact version");
        let ports = texts(&service["ports"]);
        assert!(!ports.is_empty(), "{name} is not reachable");
        for port in ports {
            let local = port.strip_prefix("127.0.0.1:").and_then(|ports| ports.split_once(':'));
            let (outer, inner) = local.unwrap_or_else(|| panic!("{name}: {port} is for everybody"));
            assert!(outer.parse::<u16>().is_ok() && inner.parse::<u16>().is_ok(), "{port}");
        }
        let test = texts(&service["healthcheck"]["test"]);
        assert!(test.len() > 1 && test[0] == "CMD", "{name} has no health check: {test:?}");
        assert_eq!(service["network_mode"], Value::Null, "{name} would pass its ports by");
    }
}

#[test]
fn what_the_compose_file_refers_to_is_in_it() {
    let compose = compose();
    let has = |kind: &str, name: &str| compose[kind].get(name).is_some();
    for (name, service) in compose["services"].as_object().unwrap() {
        for volume in texts(&service["volumes"]) {
            let (volume, _) = volume.split_once(':').unwrap();
            assert!(has("volumes", volume), "{name} refers to the volume {volume}");
        }
        for config in service["configs"].as_array().into_iter().flatten() {
            let source = config["source"].as_str().unwrap();
            assert!(has("configs", source), "{name} refers to the configuration {source}");
        }
        for other in service["depends_on"].as_object().into_iter().flat_map(Map::keys) {
            assert!(has("services", other), "{name} waits for {other}");
        }
    }
    for (name, config) in compose["configs"].as_object().unwrap() {
        let content = read(config["content"].as_str().unwrap());
        assert!(content.is_object(), "the configuration {name} says nothing");
    }
}
