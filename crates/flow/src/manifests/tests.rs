use super::*;
use crate::{Format, compile};

#[test]
fn every_manifest_is_read_from_its_own_json() {
    for built_in in built_in() {
        let value = built_in.manifest.to_value();
        assert_eq!(Manifest::read(&value).as_ref(), Ok(&built_in.manifest), "{value}");
        assert!(built_in.manifest.matrix().rules().is_empty());
    }
}

/// The ports that a compiled node has are those that its manifest names.
#[test]
fn every_example_compiles_to_a_node_with_the_ports_of_its_manifest() {
    for built_in in built_in() {
        let name = built_in.manifest.node().as_str();
        let flow = flow_around(name, built_in.example);
        let node = flow.nodes().iter().find(|node| node.kind.type_name() == name).expect(name);
        let has = |port: &str| node.ports.iter().any(|found| found.name == port);
        for port in built_in.manifest.outputs() {
            // A merge has one if it counts, a wait if it waits for a time that was said.
            let by_parameters = matches!(name, "merge" | "wait") && port.name().as_str() == "error";
            assert!(has(port.name().as_str()) || by_parameters, "{name}: {}", port.name());
        }
        let named = built_in.manifest.outputs().len() >= node.ports.len();
        assert!(named || !built_in.further_outputs.is_empty(), "{name}: {:?}", node.ports);
    }
}

fn flow_around(name: &str, example: &str) -> crate::Flow {
    let id = example.split("id: ").nth(1).and_then(|rest| rest.split([',', '\n']).next());
    let id = id.expect("an example begins with its id");
    let (start, connections) = match name {
        "start" => ("", String::new()),
        _ => ("  - { id: s, type: start }\n", format!("connections: [s.out -> {id}.in]\n")),
    };
    let nodes: String = example.lines().map(|line| format!("  {line}\n")).collect();
    let head = "flowmill: 1\ndocument: { namespace: a, name: b, version: 1.0.0 }\nnodes:\n";
    let text = format!("{head}{start}{nodes}{connections}");
    compile(text.as_bytes(), Format::Yaml).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

#[test]
fn a_name_that_is_not_known_gets_the_nearest_one_or_all() {
    let error = built_in_type("htpp.request").expect_err("it is misspelt").to_string();
    assert_eq!(error, "there is no node type `htpp.request`: did you mean `http.request`?");
    let error = built_in_type("something.else").expect_err("it is none").to_string();
    assert!(error.contains("the types are start, end"), "{error}");
    assert_eq!(built_in_type("map").expect("it is one").manifest.node().as_str(), "map");
}

#[test]
fn what_tasks_give_is_described() {
    let gives = |name: &str| {
        let outputs = built_in_type(name).expect("a type").manifest.outputs();
        outputs.iter().map(|port| port.value().describe()).collect::<Vec<_>>()
    };
    let http = gives("http.request");
    assert!(http[0].contains("body: any") && http[0].contains("status: "), "{http:?}");
    let kafka = gives("kafka.produce");
    assert!(kafka[0].contains("partition: ") && kafka[0].contains("topic: string"), "{kafka:?}");
    assert!(kafka[1].contains("title: string"), "{kafka:?}");
}

#[test]
fn parameters_inside_of_others_are_listed_behind_them() {
    let switch = built_in_type("switch").expect("a type");
    let paths: Vec<_> = switch.parameters.iter().map(|line| line.path.as_str()).collect();
    assert_eq!(paths, ["mode", "cases", "cases[].name", "cases[].when", "default"]);
    let task = built_in_type("task").expect("a type");
    assert_eq!(task.settings, ["if", "input", "output", "retry", "timeout", "compensate"]);
}
