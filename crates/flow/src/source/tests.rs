use proptest::prelude::*;

use super::*;

fn read(text: &str, format: Format) -> Source<'_> {
    Source::read(text.as_bytes(), format).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

#[test]
fn yaml_and_json_give_the_same_values() {
    let yaml = "a: 1\nb: [x, 'y', \"z\\n\"]\nc: { d: ~, e: true }\nf: |\n  two\n  lines\ng: 1.50\n";
    let json = r#"{"a":1,"b":["x","y","z\n"],"c":{"d":null,"e":true},"f":"two\nlines\n","g":1.5}"#;
    let text = |text, format| read(text, format).root.to_json().to_canonical_bytes();
    assert_eq!(text(yaml, Format::Yaml), text(json, Format::Json));
    assert_eq!(text(json, Format::Yaml), text(json, Format::Json));
}

#[test]
fn the_format_is_detected() {
    assert_eq!(read("a: 1", Format::Detect).root.entries().len(), 1);
    assert_eq!(read(" {\"a\": 1}", Format::Detect).root.entries().len(), 1);
    assert_eq!(read("{a: 1}", Format::Detect).root.entries().len(), 1);
    assert_eq!(read("\u{feff}a: 1", Format::Detect).root.entries()[0].key, "a");
    let Err(errors) = Source::read(b"{\"a\" 1}", Format::Detect) else { panic!("an error") };
    assert!(errors[0].message.contains("no JSON"), "{errors:?}");
}

#[test]
fn every_item_has_its_place() {
    let check = |text: &str, format: Format| {
        let source = read(text, format);
        let b = source.root.get("a").and_then(|a| a.get("b")).expect("b");
        let place = |item: &Item| (item.place.line, item.place.column);
        assert_eq!(place(b), (2, 8), "{text}");
        let key = source.root.get("a").expect("a").entries()[0].key_place;
        assert_eq!((key.line, key.column), (2, 3), "{text}");
    };
    check("a:\n  b:   1\n", Format::Yaml);
    check("{\"a\": {\n  \"b\": 1}}", Format::Json);
}

#[test]
fn a_place_inside_a_string_is_exact_where_the_string_stands_as_it_is() {
    let check = |text: &str, offset: usize, expect: (usize, usize)| {
        let source = read(text, Format::Detect);
        let place = source.place_within(&source.root.entries()[0].value, offset);
        assert_eq!((place.line, place.column), expect, "{text}");
    };
    check("a: bcd", 2, (1, 6));
    check("a: 'bcd'", 2, (1, 7));
    check("a: \"bcd\"", 2, (1, 7));
    check("{\"a\": \"bcd\"}", 2, (1, 10));
    check("a: éé bcd", 5, (1, 7));
    check("a: |\n  bcd\n  efg\n", 5, (3, 4));
    check("a: \"b\\tcd\"", 2, (1, 4));
    check("a: bcd", 3, (1, 7));
}

#[test]
fn keys_that_occur_twice_are_all_reported() {
    let yaml = "a: 1\nb: { c: 1, c: 2 }\na: 3\n";
    let Err(errors) = Source::read(yaml.as_bytes(), Format::Yaml) else { panic!("errors") };
    let found: Vec<_> = errors.iter().map(|e| (e.line, e.pointer.as_str())).collect();
    assert_eq!(found, [(2, "/b/c"), (3, "/a")]);
    let Err(errors) = Source::read(b"{\"a\":1,\n\"a\":2}", Format::Json) else { panic!("errors") };
    assert_eq!((errors.len(), errors[0].line), (1, 2));
}

#[test]
fn plain_scalars_that_have_no_json_are_refused() {
    for text in ["a: .nan", "a: .inf", "a: -.Inf"] {
        let Err(errors) = Source::read(text.as_bytes(), Format::Yaml) else { panic!("{text}") };
        assert_eq!(errors[0].code, DiagnosticCode::InvalidValue);
        assert_eq!(errors[0].pointer, "/a");
    }
}

#[test]
fn keys_are_strings() {
    assert_eq!(read("1: a\ntrue: b", Format::Yaml).root.entries()[1].key, "true");
    let Err(errors) = Source::read(b"? [a]\n: b", Format::Yaml) else { panic!("an error") };
    assert!(errors[0].message.contains("key"), "{errors:?}");
}

proptest! {
    #[test]
    fn arbitrary_yaml_never_panics(text in "[a-c:\\-\\[\\]{}&*!|>'\"#%@,? \n\t0-9~.]{0,80}") {
        let _outcome = Source::read(text.as_bytes(), Format::Yaml);
    }

    #[test]
    fn json_text_means_the_same_as_yaml(
        keys in prop::collection::btree_map("[a-z]{1,4}", "[ -~]{0,12}", 0..6),
        number in -1_000_000_i64..1_000_000,
    ) {
        let mut value = serde_json::json!({ "number": number, "double": number as f64 / 8.0 });
        value["texts"] = serde_json::json!(keys);
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let json = read(&text, Format::Json).root.to_json();
        let yaml = read(&text, Format::Yaml).root.to_json();
        prop_assert_eq!(json.to_canonical_bytes(), yaml.to_canonical_bytes());
    }
}
