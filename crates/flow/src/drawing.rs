//! A flow as a picture: the text that Mermaid or Graphviz draw.
//!
//! Nodes are called by their number, so that no id can break the text; what people read is in
//! quoted labels. Equal flows give equal text. A connection into a node that says what it takes shows its
//! verdict, unless both types are the same.

use std::fmt::Write;

use flowmill_model::{BlockIndex, NodeIndex};
use flowmill_types::Verdict;

use crate::graph::{Block, Connection, ERROR_PORT, Flow, Node, NodeKind, OUTPUT_PORT};

/// The outline of a node.
#[derive(Clone, Copy)]
enum Outline {
    /// Where the flow begins and ends.
    Rounded,
    /// Where a value's way is chosen.
    Diamond,
    /// Where branches meet.
    Hexagon,
    /// Where something is waited for.
    Parallelogram,
    /// All others.
    Box,
}

/// What a picture is made of, in order.
enum Part<'a> {
    /// A block of this number begins, and is called so.
    Begin(usize, String),
    /// A node of this number.
    Node(usize, &'a Node),
    /// The block ends that began last.
    End,
}

impl Flow {
    /// The flow as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        self.each_block(&mut |part, depth| {
            let indent = "  ".repeat(depth);
            match part {
                Part::Begin(number, title) => {
                    line(
                        &mut text,
                        format_args!("{indent}subgraph b{number}[\"{}\"]", mermaid(&title)),
                    );
                }
                Part::End => line(&mut text, format_args!("{indent}end")),
                Part::Node(number, node) => {
                    let label =
                        format!("{}<br/><i>{}</i>", mermaid(&node.id), node.kind.type_name());
                    let (open, close) = match outline(&node.kind) {
                        Outline::Rounded => ("([", "])"),
                        Outline::Diamond => ("{", "}"),
                        Outline::Hexagon => ("{{", "}}"),
                        Outline::Parallelogram => ("[/", "/]"),
                        Outline::Box => ("[", "]"),
                    };
                    line(&mut text, format_args!("{indent}n{number}{open}\"{label}\"{close}"));
                }
            }
        });
        for connection in self.connections() {
            let (from, to) = (connection.from, connection.to);
            let arrow = if self.takes_errors(connection) { "-.->" } else { "-->" };
            let label = self.label(connection).map(|label| format!("|\"{}\"|", mermaid(&label)));
            let label = label.unwrap_or_default();
            line(&mut text, format_args!("  n{from} {arrow}{label} n{to}"));
        }
        for (owner, start, name) in self.ownerships() {
            line(&mut text, format_args!("  n{owner} ==>|\"{name}\"| n{start}"));
        }
        text
    }

    /// The flow as a graph for Graphviz.
    pub fn to_dot(&self) -> String {
        let name = self.document.flow_version().to_string();
        let mut text = format!("digraph {} {{\n  rankdir=LR;\n", quoted(&name));
        self.each_block(&mut |part, depth| {
            let indent = "  ".repeat(depth);
            match part {
                Part::Begin(number, title) => {
                    let title = quoted(&title);
                    line(&mut text, format_args!("{indent}subgraph cluster_{number} {{"));
                    line(&mut text, format_args!("{indent}  label={title};"));
                }
                Part::End => line(&mut text, format_args!("{indent}}}")),
                Part::Node(number, node) => {
                    let label = quoted(&format!("{}\n{}", node.id, node.kind.type_name()));
                    let shape = match outline(&node.kind) {
                        Outline::Rounded => "oval",
                        Outline::Diamond => "diamond",
                        Outline::Hexagon => "hexagon",
                        Outline::Parallelogram => "parallelogram",
                        Outline::Box => "box",
                    };
                    line(
                        &mut text,
                        format_args!("{indent}n{number} [label={label}, shape={shape}];"),
                    );
                }
            }
        });
        for connection in self.connections() {
            let (from, to) = (connection.from, connection.to);
            let label = self.label(connection).map(|label| format!("label={}", quoted(&label)));
            let style = self.takes_errors(connection).then(|| "style=dashed".to_owned());
            let attributes: Vec<String> = label.into_iter().chain(style).collect();
            let attributes = match &attributes[..] {
                [] => String::new(),
                some => format!(" [{}]", some.join(", ")),
            };
            line(&mut text, format_args!("  n{from} -> n{to}{attributes};"));
        }
        for (owner, start, name) in self.ownerships() {
            let label = quoted(name);
            line(&mut text, format_args!("  n{owner} -> n{start} [label={label}, style=bold];"));
        }
        text.push_str("}\n");
        text
    }

    /// Goes through the flow block by block: a block's own nodes, then the blocks that they own.
    fn each_block(&self, draw: &mut dyn FnMut(Part<'_>, usize)) {
        self.draw_block(BlockIndex::ROOT, 1, draw);
    }

    /// Draws one block. Blocks are nested as deeply as a definition may be.
    fn draw_block(&self, block: BlockIndex, depth: usize, draw: &mut dyn FnMut(Part<'_>, usize)) {
        for (number, node) in self.nodes().iter().enumerate() {
            if node.block == block {
                draw(Part::Node(number, node), depth);
            }
        }
        for (number, inner) in self.blocks().iter().enumerate() {
            let Some(owner) = inner.owner.map(|owner| self.node(owner)) else { continue };
            if owner.block != block {
                continue;
            }
            let index = BlockIndex::new(u16::try_from(number).expect("a flow has few blocks"));
            // What undoes a node is run by the `try` around it, and belongs to the node all the same.
            let undone = self.nodes().iter().find(|node| node.compensation == Some(index));
            let node = undone.unwrap_or(owner);
            draw(Part::Begin(number, format!("{} {}", node.id, name_of(inner))), depth);
            self.draw_block(index, depth + 1, draw);
            draw(Part::End, depth);
        }
    }

    /// Which node runs which block: the node, the block's start, and the block's name.
    fn ownerships(&self) -> impl Iterator<Item = (NodeIndex, NodeIndex, &str)> {
        let blocks = self.blocks().iter();
        blocks.filter_map(|block| Some((block.owner?, block.start, name_of(block))))
    }

    fn port_of(&self, connection: &Connection) -> &str {
        &self.node(connection.from).ports[connection.port.index()].name
    }

    /// What a connection is called: its port, unless that is the ordinary output, and its verdict,
    /// where there is one to speak of.
    fn label(&self, connection: &Connection) -> Option<String> {
        let port = Some(self.port_of(connection)).filter(|port| *port != OUTPUT_PORT);
        let fit = &connection.fit;
        let verdict = fit.taken.as_ref().map(|_| fit.verdict.word());
        let parts = port.into_iter().chain(verdict.filter(|_| fit.verdict != Verdict::Exact));
        let parts: Vec<&str> = parts.collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    fn takes_errors(&self, connection: &Connection) -> bool {
        self.port_of(connection) == ERROR_PORT
    }
}

/// A block's name within its owner.
fn name_of(block: &Block) -> &str {
    block.pointer.rsplit('/').next().unwrap_or_default()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string does not fail");
}

const fn outline(kind: &NodeKind) -> Outline {
    match kind {
        NodeKind::Start | NodeKind::End | NodeKind::Fail { .. } => Outline::Rounded,
        NodeKind::Filter { .. } | NodeKind::Switch { .. } => Outline::Diamond,
        NodeKind::Merge { .. } => Outline::Hexagon,
        NodeKind::Wait(_) | NodeKind::Signal { .. } => Outline::Parallelogram,
        NodeKind::Map { .. }
        | NodeKind::ForEach { .. }
        | NodeKind::While { .. }
        | NodeKind::Try { .. }
        | NodeKind::Race { .. }
        | NodeKind::Set { .. }
        | NodeKind::Task { .. }
        | NodeKind::HttpRequest { .. }
        | NodeKind::KafkaProduce { .. } => Outline::Box,
    }
}

/// A text within a quoted Mermaid label.
fn mermaid(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '#' | '<' | '>' | '&' | ';' => format!("#{};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// A quoted text of Graphviz.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, compile};

    const FLOW: &str = r#"
flowmill: 1
document: { namespace: shop, name: orders, version: 1.0.0 }
nodes:
  - { id: s, type: start }
  - { id: big, type: filter, parameters: { condition: .big } }
  - { id: send, type: task, parameters: { type: send } }
  - { id: both, type: merge }
  - { id: rest, type: wait, parameters: { for: PT1S } }
connections:
  - s.out -> big.in
  - big.out -> send.in
  - send.out -> both.in
  - send.error -> both.in
  - both.out -> rest.in
"#;

    fn flow() -> Flow {
        compile(FLOW.as_bytes(), Format::Yaml).expect("it is a flow")
    }

    #[test]
    fn mermaid_has_each_node_and_each_connection() {
        let expect = r#"flowchart LR
  n0(["s<br/><i>start</i>"])
  n1{"big<br/><i>filter</i>"}
  n2["send<br/><i>task</i>"]
  n3{{"both<br/><i>merge</i>"}}
  n4[/"rest<br/><i>wait</i>"/]
  n0 --> n1
  n1 --> n2
  n2 --> n3
  n2 -.->|"error"| n3
  n3 --> n4
"#;
        assert_eq!(flow().to_mermaid(), expect);
    }

    #[test]
    fn dot_has_each_node_and_each_connection() {
        let expect = r#"digraph "shop/orders@1.0.0" {
  rankdir=LR;
  n0 [label="s\nstart", shape=oval];
  n1 [label="big\nfilter", shape=diamond];
  n2 [label="send\ntask", shape=box];
  n3 [label="both\nmerge", shape=hexagon];
  n4 [label="rest\nwait", shape=parallelogram];
  n0 -> n1;
  n1 -> n2;
  n2 -> n3;
  n2 -> n3 [label="error", style=dashed];
  n3 -> n4;
}
"#;
        assert_eq!(flow().to_dot(), expect);
    }

    #[test]
    fn a_verdict_is_shown_where_a_node_says_what_it_takes() {
        let takes = |schema: &str| format!("id: rest, input: {{ schema: {schema} }}, type: wait");
        let drawn = |schema: &str| {
            let text = FLOW.replace("id: rest, type: wait", &takes(schema));
            compile(text.as_bytes(), Format::Yaml).expect("it is a flow")
        };
        let doubtful = drawn("{ type: array, maxItems: 1 }");
        assert!(doubtful.to_mermaid().contains("  n3 -->|\"runtime-check\"| n4\n"));
        assert!(doubtful.to_dot().contains("  n3 -> n4 [label=\"runtime-check\"];\n"));
        assert!(drawn("{ type: array }").to_mermaid().contains("  n3 -->|\"subtype\"| n4\n"));
        assert_eq!(
            drawn("{ type: array, minItems: 1, maxItems: 2 }").to_mermaid(),
            flow().to_mermaid()
        );
    }

    #[test]
    fn what_has_a_meaning_in_the_picture_is_escaped() {
        assert_eq!(mermaid("a\"<b>#;"), "a#34;#60;b#62;#35;#59;");
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\n\"");
    }
}
