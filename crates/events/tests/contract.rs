//! The contract: what is written is what was said, for ever, and what strangers write is refused
//! with a reason.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use flowmill_events::asyncapi::sample;
use flowmill_events::attribute::{self, Attribute, Need};
use flowmill_events::{ContractError, decode_result, decode_task, encode_result, encode_task};
use flowmill_log::{Header, Record};
use flowmill_model::task::{Failure, Outcome, ResultRecord, TaskRecord};
use flowmill_model::{
    Activation, BatchNumber, Epoch, ExecutionId, FlowName, NodeIndex, Payload, Problem, Queue,
    TaskId, TaskToken, TraceContext, limits,
};
use proptest::prelude::*;

/// A record as the golden files show it: key, headers, an empty line, value.
fn shown(record: &Record) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let mut lines = vec![format!("key: {}", text(&record.key))];
    let headers = record.headers.iter();
    lines.extend(headers.map(|header| format!("{}: {}", header.name, text(&header.value))));
    format!("{}\n\n{}\n", lines.join("\n"), text(&record.value))
}

fn check_golden(name: &str, record: &Record) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    let shown = shown(record);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, shown).expect("the file can be written");
        return;
    }
    let golden = fs::read_to_string(&file).expect("the file is there");
    assert_eq!(shown, golden, "{name}");
}

#[test]
fn the_records_are_those_that_were_published() {
    check_golden("task-v1.txt", &encode_task(&sample::task()));
    for (name, _) in sample::RESULTS {
        let record = encode_result(&sample::result(name));
        check_golden(&format!("result-{name}-v1.txt"), &record);
    }
}

#[test]
fn the_records_have_the_listed_headers_in_the_listed_order() {
    let check = |record: &Record, list: &[Attribute]| {
        let mut rest = list.iter();
        for header in &record.headers {
            assert!(rest.any(|attribute| attribute.header == header.name), "{}", header.name);
        }
        let missing = |attribute: &&Attribute| {
            attribute.need != Need::Optional
                && !record.headers.iter().any(|header| header.name == attribute.header)
        };
        assert_eq!(list.iter().find(missing), None);
    };
    check(&encode_task(&sample::task()), &attribute::TASK);
    for (name, _) in sample::RESULTS {
        check(&encode_result(&sample::result(name)), &attribute::RESULT);
    }
}

#[test]
fn what_was_encoded_is_decoded() {
    assert_eq!(decode_task(&encode_task(&sample::task())), Ok(sample::task()));
    for (name, _) in sample::RESULTS {
        let result = sample::result(name);
        assert_eq!(decode_result(&encode_result(&result)), Ok(result));
    }
}

#[test]
fn a_payload_is_neither_copied_nor_changed() {
    let task = sample::task();
    let record = encode_task(&task);
    assert_eq!(record.value.as_ptr(), task.input.as_bytes().as_ptr());
    assert_eq!(
        decode_task(&record).expect("a task").input.as_bytes().as_ptr(),
        record.value.as_ptr()
    );
}

/// Puts another value in place of a header's; `None` takes the header away.
fn with(mut record: Record, name: &'static str, value: Option<&'static str>) -> Record {
    record.headers.retain(|header| header.name != name);
    record.headers.extend(value.map(|value| Header::new(name, value)));
    record
}

fn task() -> Record {
    encode_task(&sample::task())
}

fn result(name: &str) -> Record {
    encode_result(&sample::result(name))
}

#[test]
fn a_record_without_a_header_it_needs_says_which() {
    for attribute in attribute::TASK {
        let header = attribute.header;
        let decoded = decode_task(&with(task(), header, None));
        match attribute.need {
            Need::Required => assert_eq!(decoded, Err(ContractError::Missing(header))),
            Need::Derived => assert_eq!(decoded, Ok(sample::task()), "{header}"),
            Need::Optional => assert!(decoded.is_ok(), "{header}"),
        }
    }
    for attribute in attribute::RESULT {
        let header = attribute.header;
        let decoded = decode_result(&with(result("failed"), header, None));
        match attribute.need {
            Need::Required => assert_eq!(decoded, Err(ContractError::Missing(header))),
            Need::Derived | Need::Optional => assert!(decoded.is_ok(), "{header}"),
        }
    }
}

#[test]
fn a_newer_version_is_named_and_never_guessed() {
    let newer = |record, kind| with(record, attribute::TYPE, Some(kind));
    let error = decode_task(&newer(task(), "io.flowmill.task.v2")).expect_err("it is newer");
    assert!(error.is_newer_format());
    let error = decode_result(&newer(result("failed"), "io.flowmill.result.failed.v7"));
    assert!(error.expect_err("it is newer").is_newer_format());
    for kind in ["io.flowmill.result.failed.v0", "io.flowmill.result.lost.v2", "order.placed", ""] {
        let error = decode_result(&newer(result("failed"), kind)).expect_err("it is another");
        assert!(!error.is_newer_format(), "{kind}");
    }
}

#[test]
fn absurd_values_are_refused() {
    let check = |name: &'static str, value: &'static str| {
        let error = decode_result(&with(result("failed"), name, Some(value))).expect_err(value);
        assert!(!error.is_newer_format());
        assert!(error.to_string().len() < 300, "{error}");
    };
    check(attribute::SPEC_VERSION, "0.3");
    check(attribute::SOURCE, "");
    check(attribute::ID, "");
    check(attribute::CONTENT_TYPE, "application/cloudevents+json");
    check(attribute::CONTENT_TYPE, "text/plain");
    check(attribute::TASK_ID, "1/2.3/4");
    check(attribute::TASK_ID, "00030000000000000000000000000000/70000.0/1");
    check(attribute::TASK_ID, "00030000000000000000000000000000/1.0/0");
    check(attribute::TASK_ID, "00030000000000000000000000000000/1.0/1/1");
    for text in ["-1", "+1", "", "1.0", "18446744073709551616", "0x1"] {
        check(attribute::TOKEN, text);
        check(attribute::RETRY_AFTER_MS, text);
    }
    check(attribute::RETRYABLE, "yes");
    let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    check(attribute::TOKEN, long);
}

#[test]
fn a_header_that_is_there_twice_is_refused() {
    let mut twice = result("completed");
    twice.headers.push(Header::new(attribute::TOKEN, "1"));
    assert_eq!(decode_result(&twice), Err(ContractError::Twice(attribute::TOKEN)));
    let mut many = result("completed");
    many.headers.extend((0..limits::RECORD_HEADERS).map(|_| Header::new("b3", "0")));
    assert!(matches!(decode_result(&many), Err(ContractError::TooManyHeaders(_))));
}

#[test]
fn headers_of_others_and_another_order_change_nothing() {
    let mut record = result("later");
    record.headers.reverse();
    record.headers.insert(2, Header::new("x-tenant", "shop"));
    assert_eq!(decode_result(&record), Ok(sample::result("later")));
}

fn failed(value: &'static str) -> Result<Failure, ContractError> {
    let record = Record { value: Bytes::from_static(value.as_bytes()), ..result("failed") };
    decode_result(&record).map(|result| match result.outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Running | Outcome::Completed(_) | Outcome::Later(_) => panic!("a failure"),
    })
}

#[test]
fn a_problem_may_leave_out_what_it_likes_and_is_bounded() {
    let problem = failed("{}").expect("a failure").problem;
    assert_eq!((problem.status, problem.title.as_str()), (500, "The task failed"));
    let problem = failed(r#"{"status":422,"detail":"no stock","trace":[1,2]}"#).expect("a failure");
    assert_eq!(problem.problem.detail.as_deref(), Some("no stock"));
    let long = format!(r#"{{"detail":"{}"}}"#, "ä".repeat(100_000));
    let problem = failed(Box::leak(long.into_boxed_str())).expect("a failure").problem;
    let chars = problem.detail.expect("a detail").chars().count();
    assert_eq!(chars, limits::PROBLEM_DETAIL_CHARS);
    for text in
        ["", "null", "[]", "\"no\"", r#"{"status":99}"#, r#"{"status":70000}"#, "{\"detail\":1}"]
    {
        assert!(matches!(failed(text), Err(ContractError::Problem(_))), "{text}");
    }
}

#[test]
fn a_pause_is_cut_to_its_limit() {
    let record = with(result("later"), attribute::DELAY_MS, Some("18446744073709551615"));
    let later = decode_result(&record).expect("a result").outcome;
    let most = u64::try_from(limits::LATER_MAX.as_millis()).expect("it fits");
    assert_eq!(later, Outcome::Later(most));
    let missing = decode_result(&with(result("later"), attribute::DELAY_MS, None));
    assert_eq!(missing, Err(ContractError::Missing(attribute::DELAY_MS)));
}

prop_compose! {
    fn ids()(bits: u128, node: u16, iteration: u32, attempt in 1..=u32::MAX) -> TaskId {
        let activation = Activation::new(NodeIndex::new(node), iteration);
        TaskId { execution: ExecutionId::from_bits(bits), activation, attempt }
    }
}

fn traces() -> impl Strategy<Value = Option<TraceContext>> {
    any::<(u128, u64, u8)>().prop_map(|(trace, span, flags)| TraceContext::new(trace, span, flags))
}

prop_compose! {
    fn tasks()(
        id in ids(),
        [token, epoch, batch, timeout_ms]: [u64; 4],
        task_type in "[A-Za-z0-9][A-Za-z0-9._-]{0,62}",
        flow in "[a-z0-9]{1,63}/[a-z0-9]{1,63}",
        input: Vec<u8>,
        trace in traces(),
    ) -> TaskRecord {
        TaskRecord {
            id,
            token: TaskToken::new(token),
            epoch: Epoch::new(epoch),
            batch: BatchNumber::new(batch),
            task_type: Queue::new(&task_type).expect("a name"),
            flow: flow.parse::<FlowName>().expect("a name"),
            input: Payload::from(input),
            timeout_ms,
            trace,
        }
    }
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let text = "\\PC{0,40}";
    let problem = (text, 100_u16..=599, text, proptest::option::of(text));
    let failure = (problem, any::<bool>(), proptest::option::of(0_u64..=86_400_000));
    prop_oneof![
        Just(Outcome::Running),
        any::<Vec<u8>>().prop_map(|output| Outcome::Completed(Payload::from(output))),
        (0_u64..=3_600_000).prop_map(Outcome::Later),
        failure.prop_map(|((kind, status, title, detail), retryable, retry_after_ms)| {
            let problem = Problem { kind, status, title, detail, instance: None };
            Outcome::Failed(Failure { problem, retryable, retry_after_ms })
        }),
    ]
}

proptest! {
    #[test]
    fn every_task_survives_its_record(task in tasks()) {
        prop_assert_eq!(decode_task(&encode_task(&task)), Ok(task));
    }

    #[test]
    fn every_result_survives_its_record(
        id in ids(), token: u64, outcome in outcomes(), trace in traces(),
    ) {
        let result = ResultRecord { id, token: TaskToken::new(token), outcome, trace };
        prop_assert_eq!(decode_result(&encode_result(&result)), Ok(result));
    }

    #[test]
    fn no_bytes_in_a_header_or_value_bring_the_reader_down(
        place in 0..attribute::RESULT.len(), bytes: Vec<u8>, value: Vec<u8>,
    ) {
        for (name, _) in sample::RESULTS {
            let name = encode_result(&sample::result(name));
            let mut record = Record { value: value.clone().into(), ..name };
            if let Some(header) = record.headers.get_mut(place) {
                header.value = bytes.clone().into();
            }
            drop(decode_result(&record));
            drop(decode_task(&record));
        }
    }
}
