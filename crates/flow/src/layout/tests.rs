//! What the layout is, and that it changes neither what a document says nor what was laid out.

mod generate;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(before: &str, after: &str) {
    let laid_out = lay_out(before.as_bytes(), Format::Yaml);
    assert_eq!(laid_out.as_deref(), Ok(after), "{before}");
    assert_eq!(lay_out(after.as_bytes(), Format::Yaml).as_deref(), Ok(after), "again");
}

#[test]
fn keys_are_in_the_order_of_the_tables_and_unknown_ones_stay() {
    check(
        "document: {version: 1.0.0,   name: b, namespace: a}\nflowmill: 1\nconnections: []\nnodes: []\n",
        "flowmill: 1\ndocument: { namespace: a, name: b, version: 1.0.0 }\nnodes: []\nconnections: []\n",
    );
    check(
        "flowmill: 1\nnodes:\n- parameters: {body: 1, url: u, method: GET}\n  mine: 1\n  type: http.request\n  id: a\n",
        "flowmill: 1\nnodes:\n  - id: a\n    mine: 1\n    type: http.request\n    parameters: { method: GET, url: u, body: 1 }\n",
    );
    // Inside of what a table does not know, the order is the author's.
    let schema =
        "input: { schema: { type: object, required: [b, a], properties: { b: {}, a: {} } } }\n";
    check(schema, schema);
    check(
        "flowmill: 1\ncases:\n  - expect: { never: [a], output: 1 }\n    name: x\n",
        "flowmill: 1\ncases:\n  - name: x\n    expect: { output: 1, never: [a] }\n",
    );
}

#[test]
fn comments_stay_with_what_they_are_about() {
    check(
        "# head\n\n\n# of the version\nflowmill: 1 # beside\nnodes: # all\n    # the first\n    - id: a\n\n    # the second\n    - # its id\n      id: b\n    # no more\n# behind\nconnections: [ # open\n a -> b, # one\n b -> c\n # last\n]\n# the end\n",
        "# head\n\n# of the version\nflowmill: 1  # beside\nnodes:  # all\n  # the first\n  - id: a\n\n  # the second\n  # its id\n  - id: b\n  # no more\n# behind\nconnections:  # open\n  - a -> b  # one\n  - b -> c\n  # last\n# the end\n",
    );
    check(
        "flowmill: 1\nnodes:\n- {id: a} # first\n# about connections\nconnections: []\n",
        "flowmill: 1\nnodes:\n  - { id: a }  # first\n# about connections\nconnections: []\n",
    );
    check(
        "a:\n  - type: x\n    # about the id\n    id: y # here\n",
        "a:\n  - type: x\n    # about the id\n    id: y  # here\n",
    );
    check(
        "nodes:\n  - type: x\n    # about the id\n    id: y\n",
        "nodes:\n  # about the id\n  - id: y\n    type: x\n",
    );
    check("a: \"x\"   # quoted\nb: 'it''s' # too\n", "a: \"x\"  # quoted\nb: \"it's\"  # too\n");
    check("a: # nothing\nb: ~\n", "a: null  # nothing\nb: ~\n");
    check("# alone\n", "# alone\n");
    check("a:\n- [1] # x\n- # y\n  2\n# z\nb: 1\n", "a:\n  - [1]  # x\n  # y\n  - 2\n# z\nb: 1\n");
    check("a: [] # x\nb: [ # y\n ]\n", "a: []  # x\nb: []  # y\n");
}

#[test]
fn blank_lines_between_entries_are_one() {
    check("\n\na: 1\n\n\n\nb:\n\n  c: 1\n\n  d: 2\n\n", "a: 1\n\nb:\n  c: 1\n\n  d: 2\n");
}

#[test]
fn brackets_stay_where_they_fit_and_hold_no_comment() {
    let long = format!("a: [{}]\n", ["0123456789"; 10].join(", "));
    let lines = format!("a:\n{}", "  - 0123456789\n".repeat(10));
    check(&long, &lines);
    check("a: {b: {c: [1,2]},\n  d: x}\n", "a: { b: { c: [1, 2] }, d: x }\n");
    check("a: [{b: 1}, c: 2]\n", "a: [{ b: 1 }, { c: 2 }]\n");
    check("a:\n - - 1\n   - 2\n -\n  b: 1\n", "a:\n  - - 1\n    - 2\n  - b: 1\n");
    check("{a: 1}\n", "{ a: 1 }\n");
}

#[test]
fn texts_are_in_the_quotes_that_save_escapes() {
    check(
        "a: 'x'\nb: \"{c: \\\"d\\\"}\"\nc: \"two\\nlines\"\nd: plain -> text\ne: \"folded\n  text\"\nf: several\n  words\n",
        "a: \"x\"\nb: '{c: \"d\"}'\nc: \"two\\nlines\"\nd: plain -> text\ne: \"folded text\"\nf: several words\n",
    );
}

#[test]
fn blocks_of_lines_stay_and_are_indented_anew() {
    check(
        "a: |    # sql\n      one\n        two\n\n      three\n\n\nb: >-\n folded\n text\n\nc: |+\n  kept\n\n\nd: |2\n   spaced\ne: |\n\n  late\n",
        "a: |  # sql\n  one\n    two\n\n  three\n\nb: >-\n  folded\n  text\n\nc: |+\n  kept\n\n\nd: |2\n   spaced\ne: |\n\n  late\n",
    );
    check("a:\n- |\n x\n# end\n", "a:\n  - |\n    x\n# end\n");
    check("a: |\nb: 1\n", "a: \"\"\nb: 1\n");
}

#[test]
fn json_has_an_entry_on_each_line_and_keeps_its_numbers() {
    let before = "{\"nodes\":[],\"flowmill\":1,\"x\":{},\"y\":[1.50,{\"a\\\"\":null}]}";
    let after = "{\n  \"flowmill\": 1,\n  \"nodes\": [],\n  \"x\": {},\n  \"y\": [\n    1.50,\n    {\n      \"a\\\"\": null\n    }\n  ]\n}\n";
    for format in [Format::Json, Format::Detect] {
        assert_eq!(lay_out(before.as_bytes(), format).as_deref(), Ok(after));
        assert_eq!(lay_out(after.as_bytes(), format).as_deref(), Ok(after));
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let Err(LayoutError::Unreadable(errors)) = lay_out(b"a: [\n", Format::Yaml) else {
        panic!("an error")
    };
    assert!(errors[0].line >= 1);
    let refused = lay_out(b"a: &x 1\n", Format::Yaml);
    assert!(matches!(refused, Err(LayoutError::Unreadable(_))));
}

#[test]
fn windows_line_ends_and_byte_order_marks_go() {
    check("\u{feff}a: 1 # x\r\n\r\nb: |\r\n  y\r\n  z\r\n", "a: 1  # x\n\nb: |\n  y\n  z\n");
}

proptest! {
    #[test]
    fn any_document_keeps_its_meaning_and_is_laid_out_once(text in generate::document()) {
        if Source::read(text.as_bytes(), Format::Yaml).is_ok() {
            let laid_out = lay_out(text.as_bytes(), Format::Yaml);
            prop_assert!(laid_out.is_ok(), "{:?}\n{}", laid_out, text);
            let laid_out = laid_out.unwrap_or_default();
            let again = lay_out(laid_out.as_bytes(), Format::Yaml);
            prop_assert_eq!(again.as_deref(), Ok(&*laid_out), "{}", text);
            // Counted apart from the reader: a generated comment begins like nothing else does.
            prop_assert_eq!(laid_out.matches("# c").count(), text.matches("# c").count(), "{}\n{}", text, laid_out);
        }
    }

    #[test]
    fn no_text_makes_it_panic_or_change(text in "[a-c:\\-\\[\\]{}|>'\"# ,\n~1+]{0,60}") {
        if let Ok(laid_out) = lay_out(text.as_bytes(), Format::Yaml) {
            let again = lay_out(laid_out.as_bytes(), Format::Yaml);
            prop_assert_eq!(again.as_deref(), Ok(&*laid_out), "{}", text);
        }
    }
}
