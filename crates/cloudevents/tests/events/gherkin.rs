//! A reader of feature files, as far as the CloudEvents project's use it: scenarios, outlines with
//! examples, steps with a text or a table.

/// One scenario, its background's steps included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
    examples: Vec<Vec<String>>,
}

/// One step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// Its words without Given, When, Then and And.
    pub(crate) words: String,
    pub(crate) text: String,
    pub(crate) table: Vec<Vec<String>>,
}

/// The scenarios of a feature file; outlines once for each of their examples.
pub(crate) fn scenarios(source: &str) -> Vec<Scenario> {
    let (mut background, mut found) = (Scenario::default(), Vec::<Scenario>::new());
    let mut in_examples = false;
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        let current = found.last_mut().unwrap_or(&mut background);
        if let Some(name) = heading(trimmed) {
            in_examples = false;
            found.push(Scenario { name, steps: background.steps.clone(), examples: Vec::new() });
        } else if trimmed.starts_with("Examples:") {
            in_examples = true;
        } else if let Some(words) = step(trimmed) {
            current.steps.push(Step { words, ..Step::default() });
        } else if trimmed.starts_with("\"\"\"") {
            let text = document(&mut lines, line.len() - line.trim_start().len());
            last_step(current).text = text;
        } else if trimmed.starts_with('|') && in_examples {
            current.examples.push(cells(trimmed));
        } else if trimmed.starts_with('|') {
            last_step(current).table.push(cells(trimmed));
        } else {
            let ignored = ["", "@http", "Background:"].contains(&trimmed);
            let prose = found.is_empty();
            assert!(ignored || prose, "a line that this reader does not know: {line}");
        }
    }
    found.into_iter().flat_map(Scenario::expanded).collect()
}

fn last_step(scenario: &mut Scenario) -> &mut Step {
    scenario.steps.last_mut().expect("a step before its text or table")
}

fn heading(line: &str) -> Option<String> {
    let name = line.strip_prefix("Scenario Outline:").or_else(|| line.strip_prefix("Scenario:"))?;
    Some(name.trim().to_owned())
}

fn step(line: &str) -> Option<String> {
    let (word, rest) = line.split_once(' ')?;
    ["Given", "When", "Then", "And"].contains(&word).then(|| rest.trim().to_owned())
}

/// The text up to the closing quotes, less the indentation of the opening ones.
fn document<'a>(lines: &mut impl Iterator<Item = &'a str>, indentation: usize) -> String {
    let inside = lines.take_while(|line| !line.trim().starts_with("\"\"\""));
    let text: Vec<_> = inside.map(|line| line.get(indentation..).unwrap_or_default()).collect();
    text.join("\n")
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

impl Scenario {
    /// The scenario with each example's values in its place.
    fn expanded(self) -> Vec<Self> {
        let Some((names, rows)) = self.examples.split_first() else { return vec![self] };
        rows.iter().map(|row| self.filled(names, row)).collect()
    }

    fn filled(&self, names: &[String], row: &[String]) -> Self {
        let fill = |text: &str| {
            let pairs = names.iter().zip(row);
            pairs.fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("<{name}>"), value)
            })
        };
        let step = |step: &Step| Step {
            words: fill(&step.words),
            text: fill(&step.text),
            table: step.table.iter().map(|row| row.iter().map(|c| fill(c)).collect()).collect(),
        };
        let steps = self.steps.iter().map(step).collect();
        Self { name: fill(&self.name), steps, examples: Vec::new() }
    }
}
