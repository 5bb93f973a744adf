//! Reads the headers of a record by the contract's lists.

use std::str::FromStr;

use bytes::Bytes;
use flowmill_log::Record;
use flowmill_model::limits;

use crate::attribute::Attribute;
use crate::error::ContractError;

/// The values of the headers that a list names, in the list's order.
pub(crate) struct Headers<'a, const N: usize> {
    list: &'static [Attribute; N],
    values: [Option<&'a Bytes>; N],
}

impl<'a, const N: usize> Headers<'a, N> {
    /// Finds the headers of `list`; those it does not name are nobody's business.
    pub(crate) fn of(
        record: &'a Record,
        list: &'static [Attribute; N],
    ) -> Result<Self, ContractError> {
        if record.headers.len() > limits::RECORD_HEADERS {
            return Err(ContractError::TooManyHeaders(record.headers.len()));
        }
        let mut values = [None; N];
        let mut likely = 0;
        for header in &record.headers {
            // Who writes in the list's order is found at the first look.
            let mut places = (likely..N).chain(0..likely);
            let Some(place) = places.find(|&place| list[place].header == header.name) else {
                continue;
            };
            if values[place].replace(&header.value).is_some() {
                return Err(ContractError::Twice(list[place].header));
            }
            likely = (place + 1) % N;
        }
        Ok(Self { list, values })
    }

    /// A header's value.
    pub(crate) fn get(&self, header: &'static str) -> Option<&'a Bytes> {
        let place = self.list.iter().position(|attribute| attribute.header == header)?;
        self.values[place]
    }

    /// The value of a header that must be there.
    pub(crate) fn need(&self, header: &'static str) -> Result<&'a Bytes, ContractError> {
        self.get(header).ok_or(ContractError::Missing(header))
    }

    /// The value of a header that must be there and say something.
    pub(crate) fn need_text(&self, header: &'static str) -> Result<(), ContractError> {
        let value = self.need(header)?;
        let says = !value.is_empty() && std::str::from_utf8(value).is_ok();
        let no_text = || ContractError::header(header, value, "text");
        if says { Ok(()) } else { Err(no_text()) }
    }

    /// A value of a header that must be there, read from its text.
    pub(crate) fn parse<T: FromStr>(
        &self,
        header: &'static str,
        expected: &'static str,
    ) -> Result<T, ContractError> {
        read(header, self.need(header)?, expected)
    }

    /// A whole number that must be there.
    pub(crate) fn number(&self, header: &'static str) -> Result<u64, ContractError> {
        number(header, self.need(header)?)
    }

    /// A whole number that may be there.
    pub(crate) fn number_if_any(&self, header: &'static str) -> Result<Option<u64>, ContractError> {
        self.get(header).map(|value| number(header, value)).transpose()
    }
}

fn read<T: FromStr>(
    header: &'static str,
    value: &[u8],
    expected: &'static str,
) -> Result<T, ContractError> {
    let text = std::str::from_utf8(value).ok();
    let read = text.and_then(|text| text.parse().ok());
    read.ok_or_else(|| ContractError::header(header, value, expected))
}

fn number(header: &'static str, value: &[u8]) -> Result<u64, ContractError> {
    const EXPECTED: &str = "a whole number below 2^64";
    if !value.iter().all(u8::is_ascii_digit) {
        return Err(ContractError::header(header, value, EXPECTED));
    }
    read(header, value, EXPECTED)
}
