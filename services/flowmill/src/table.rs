//! Tables for people: columns as wide as their widest cell, two spaces between.

use std::fmt;

/// Rows of text under a line of titles.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these titles.
    pub(crate) fn new<const N: usize>(titles: [&str; N]) -> Self {
        Self { rows: vec![titles.map(str::to_owned).to_vec()] }
    }

    /// A table without titles, such as for names and values.
    pub(crate) const fn plain() -> Self {
        Self { rows: vec![] }
    }

    /// Adds a row. Control characters in cells are shown as spaces: what a flow's author or a
    /// caller wrote must not steer the terminal.
    pub(crate) fn row<const N: usize>(&mut self, cells: [impl fmt::Display; N]) {
        let clean = |cell: String| {
            cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()
        };
        self.rows.push(cells.map(|cell| clean(cell.to_string())).to_vec());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> =
            (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            let end = if index + 1 == self.rows.len() { "" } else { "\n" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["FLOW", "VERSION"]);
        table.row(["shop/orders", "1.0.0"]);
        table.row(["a/b", "2.0.0\u{1b}[2J"]);
        let expect = "FLOW         VERSION\nshop/orders  1.0.0\na/b          2.0.0 [2J";
        assert_eq!(table.to_string(), expect);
    }
}
