//! Records of tasks and results as workers in any language may write them.
//!
//! What is decoded is encoded and decoded to the same. What was whole and has lost a header, has
//! one twice, or is of a newer version is refused by that name.

use arbitrary::{Result, Unstructured};
use flowmill_events::attribute::{Attribute, CONTENT_TYPE, Need, RESULT, TASK, TYPE};
use flowmill_events::{ContractError, decode_result, decode_task, encode_result, encode_task};
use flowmill_log::{Header, Record};
use flowmill_model::task::{ResultRecord, TaskRecord};

use crate::make::Make;

/// Checks what the bytes stand for.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    check_any(&mut bytes).ok();
}

fn check_any(bytes: &mut Unstructured<'_>) -> Result<()> {
    match bytes.int_in_range(0..=2)? {
        0 => {
            let task = TaskRecord::make(bytes)?;
            let whole = encode_task(&task);
            // An attempt is counted from 1.
            if task.id.attempt > 0 {
                assert_eq!(decode_task(&whole), Ok(task));
                check_changed(whole, &TASK, bytes, &decode_task, &encode_task)?;
            }
        }
        1 => {
            // Limits, and a problem's status, are kept by whoever reads.
            let whole = encode_result(&ResultRecord::make(bytes)?);
            let Ok(read) = decode_result(&whole) else { return Ok(()) };
            let whole = encode_result(&read);
            assert_eq!(decode_result(&whole), Ok(read));
            check_changed(whole, &RESULT, bytes, &decode_result, &encode_result)?;
        }
        _ => {
            let record = any_record(bytes)?;
            survives(&record, &decode_task, &encode_task);
            survives(&record, &decode_result, &encode_result);
        }
    }
    Ok(())
}

type Decoder<T> = dyn Fn(&Record) -> std::result::Result<T, ContractError>;

fn survives<T: PartialEq + std::fmt::Debug>(
    record: &Record,
    decode: &Decoder<T>,
    encode: &dyn Fn(&T) -> Record,
) {
    if let Ok(read) = decode(record) {
        assert_eq!(decode(&encode(&read)).as_ref(), Ok(&read));
    }
}

/// A record with headers of the contract's names and any values.
fn any_record(bytes: &mut Unstructured<'_>) -> Result<Record> {
    let mut record = Record::default();
    for attribute in TASK.iter().chain(&RESULT) {
        if bytes.ratio(3, 4)? {
            let value: &[u8] = bytes.arbitrary()?;
            record.headers.push(Header::new(attribute.header, value.to_vec()));
        }
    }
    record.value = bytes.bytes(bytes.len())?.to_vec().into();
    Ok(record)
}

fn check_changed<T: PartialEq + std::fmt::Debug>(
    mut record: Record,
    list: &[Attribute],
    bytes: &mut Unstructured<'_>,
    decode: &Decoder<T>,
    encode: &dyn Fn(&T) -> Record,
) -> Result<()> {
    let value = decode(&record).expect("it is whole");
    let at = bytes.choose_index(record.headers.len())?;
    let name = record.headers[at].name.clone();
    let need = list.iter().find(|a| a.header == name).expect("it is in the list").need;
    match bytes.int_in_range(0..=4)? {
        0 => {
            record.headers.remove(at);
            match need {
                Need::Required => {
                    let missing = ContractError::Missing;
                    assert!(list.iter().any(|a| decode(&record) == Err(missing(a.header))));
                }
                Need::Derived => assert_eq!(decode(&record), Ok(value)),
                Need::Optional if name == CONTENT_TYPE => assert_eq!(decode(&record), Ok(value)),
                Need::Optional => survives(&record, decode, encode),
            }
        }
        1 => {
            let twice = record.headers[at].clone();
            record.headers.push(twice);
            assert!(matches!(decode(&record), Err(ContractError::Twice(header)) if header == name));
        }
        2 => {
            let last = record.headers.len() - 1;
            record.headers.swap(at, bytes.int_in_range(0..=last)?);
            record.headers.insert(at, Header::new("x-trace", "from an agent"));
            assert_eq!(decode(&record), Ok(value));
        }
        3 => check_newer(record, bytes.int_in_range(2..=u32::MAX)?, decode),
        _ => {
            let mut damaged = record.headers[at].value.to_vec();
            crate::damage::damage(&mut damaged, bytes)?;
            record.headers[at].value = damaged.into();
            let newer = decode(&record).is_err_and(|error| error.is_newer_format());
            assert!(!newer || name == TYPE);
            survives(&record, decode, encode);
        }
    }
    Ok(())
}

fn check_newer<T: PartialEq + std::fmt::Debug>(
    mut record: Record,
    version: u32,
    decode: &Decoder<T>,
) {
    let kind = record.headers.iter_mut().find(|header| header.name == TYPE).expect("it has a type");
    let known = std::str::from_utf8(&kind.value).expect("types are text");
    let newer = format!("{}{version}", known.trim_end_matches(|c: char| c.is_ascii_digit()));
    kind.value = newer.clone().into();
    assert_eq!(decode(&record).err(), Some(ContractError::NewerVersion(newer)));
}
