//! Records on standard output, in the form that was asked for.
//!
//! * For people (porcelain): a table, or a list of fields.
//! * For scripts: the columns in a fixed order with a TAB between them, one record a line. In values, a backslash,
//!   TAB, newline and any other control character is written as `\\`, `\t`, `\n`, `\xHH`; `-` stands for a value that
//!   is absent, `,` joins several. `printf %b` undoes the escapes.
//! * `-z`: the same columns, each record ended by NUL, and values as they are. Only the last column can then contain a
//!   TAB.
//! * `--format '{ticket}\t{status}'`: the fields that are named, by the rules of the line's ending.
//! * `--json`: one document, `{"schema":1,"kind":…,"items":[…]}` for a listing, `{"schema":1,"kind":…,"item":{…}}` for
//!   one record, and one such line a record where something is followed. Every field is there; an absent one is null.
//!   `schema` grows when a field changes its meaning or goes, not when one is added.

use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};

use super::record::{Field, Row, Value};
use super::style::Paint;
use super::template::Template;
use super::{Exit, Failure, table};
use crate::domain::Timestamp;

/// The version of everything that is written as JSON.
pub const SCHEMA: u64 = 1;

/// The form in which records are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// Columns with a TAB between them.
    Lines(End),
    /// The fields that a template names.
    Template(Template, End),
    /// JSON.
    Json,
}

/// What ends a record in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A newline; control characters in values are escaped.
    Newline,
    /// A NUL; values stand as they are.
    Nul,
}

/// What a person's screen is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The moment that ages are counted from.
    pub now: Timestamp,
    /// Whether colours are written.
    pub paint: Paint,
    /// The width in character cells; `None` where it has no bound.
    pub width: Option<usize>,
}

/// Writes records.
#[must_use = "a printer that prints nothing is of no use"]
pub struct Printer<'a> {
    out: &'a mut dyn Write,
    format: Format,
    view: View,
}

impl<'a> Printer<'a> {
    /// Makes a printer for a stream.
    pub fn new(out: &'a mut dyn Write, format: Format, view: View) -> Self {
        Self { out, format, view }
    }

    /// Writes a listing.
    ///
    /// # Errors
    /// When the template names an unknown field, or the output cannot be written.
    pub fn list<R: Row>(mut self, rows: &[R]) -> Result<(), Failure> {
        match self.form()? {
            Form::Table if rows.is_empty() => Ok(()),
            Form::Table => {
                let headings: Vec<&str> = R::columns().map(Field::name).collect();
                let cells = |row: &R| R::columns().map(|field| field.of(row).cell(self.view.now)).collect();
                let cells: Vec<Vec<_>> = rows.iter().map(cells).collect();
                written(table::write(self.out, self.view.paint, self.view.width, &headings, &cells))
            }
            Form::Json => {
                let items: Vec<Json> = rows.iter().map(object).collect();
                self.document(&json!({ "schema": SCHEMA, "kind": R::KIND, "items": items }))
            }
            Form::Text(parts, end) => rows.iter().try_for_each(|row| self.text(&parts, end, row)),
        }
    }

    /// Writes a listing as it comes, of which no more than one record is in memory, but for a table, whose columns line
    /// up.
    ///
    /// # Errors
    /// Those of [`Self::list`], and those of the rows: what came before was written.
    pub fn stream<R: Row>(mut self, mut rows: impl Iterator<Item = Result<R, Failure>>) -> Result<(), Failure> {
        match self.form()? {
            Form::Table => self.list(&rows.collect::<Result<Vec<R>, _>>()?),
            Form::Json => {
                let kind = Json::from(R::KIND);
                written(write!(self.out, "{{\"schema\":{SCHEMA},\"kind\":{kind},\"items\":["))?;
                let mut comma = "";
                let ended = rows.try_for_each(|row| {
                    written(write!(self.out, "{comma}{}", object(&row?)))?;
                    comma = ",";
                    Ok(())
                });
                // A document is whole also where it does not hold everything.
                written(writeln!(self.out, "]}}"))?;
                ended
            }
            Form::Text(parts, end) => rows.try_for_each(|row| self.text(&parts, end, &row?)),
        }
    }

    /// Writes one record: in full for people and in JSON, else as a listing of one.
    ///
    /// # Errors
    /// Those of [`Self::list`].
    pub fn one<R: Row>(mut self, row: &R) -> Result<(), Failure> {
        match self.form()? {
            Form::Table => {
                let cells = R::FIELDS.iter().map(|field| (field.name(), field.of(row)));
                let present = cells.filter(|(_, value)| *value != Value::Absent);
                let cells: Vec<_> = present.map(|(name, value)| (name, value.full_cell(self.view.now))).collect();
                written(table::write_one(self.out, self.view.paint, &cells))
            }
            Form::Json => self.document(&json!({ "schema": SCHEMA, "kind": R::KIND, "item": object(row) })),
            Form::Text(parts, end) => self.text(&parts, end, row),
        }
    }

    /// Writes one record of many that come over time, and sends it on its way at once.
    ///
    /// # Errors
    /// Those of [`Self::list`].
    pub fn follow<R: Row>(&mut self, row: &R) -> Result<(), Failure> {
        self.follow_all(std::slice::from_ref(row))
    }

    /// Writes several records of many that come over time, and sends them on their way at once.
    ///
    /// # Errors
    /// Those of [`Self::list`].
    pub fn follow_all<R: Row>(&mut self, rows: &[R]) -> Result<(), Failure> {
        let form = self.form()?;
        for row in rows {
            match &form {
                Form::Json => self.document(&json!({ "schema": SCHEMA, "kind": R::KIND, "item": object(row) }))?,
                // Columns cannot line up with what is still to come.
                Form::Table => self.text(&columns::<R>(), End::Newline, row)?,
                Form::Text(parts, end) => self.text(parts, *end, row)?,
            }
        }
        written(self.out.flush())
    }

    /// Resolves the format for one kind of record, before anything is written.
    fn form<R: Row>(&self) -> Result<Form<R>, Failure> {
        Ok(match &self.format {
            Format::Table => Form::Table,
            Format::Json => Form::Json,
            Format::Lines(end) => Form::Text(columns(), *end),
            Format::Template(template, end) => Form::Text(template.resolve()?, *end),
        })
    }

    fn document(&mut self, document: &Json) -> Result<(), Failure> {
        written(writeln!(self.out, "{document}"))
    }

    fn text<R: Row>(&mut self, parts: &[Resolved<R>], end: End, row: &R) -> Result<(), Failure> {
        let mut line = Vec::new();
        for part in parts {
            match part {
                Resolved::Literal(text) => line.extend_from_slice(text.as_bytes()),
                Resolved::Field(field) => match end {
                    End::Newline => escape(&mut line, &field.of(row).bytes()),
                    End::Nul => line.extend_from_slice(&field.of(row).bytes()),
                },
            }
        }
        line.push(match end {
            End::Newline => b'\n',
            End::Nul => b'\0',
        });
        written(self.out.write_all(&line))
    }
}

/// A format with the fields of one kind of record in it.
enum Form<R: 'static> {
    Table,
    Json,
    Text(Vec<Resolved<R>>, End),
}

/// A piece of a line: text, or the place of a field.
pub(super) enum Resolved<R: 'static> {
    Literal(String),
    Field(&'static Field<R>),
}

fn columns<R: Row>() -> Vec<Resolved<R>> {
    let mut parts = Vec::new();
    for field in R::columns() {
        if !parts.is_empty() {
            parts.push(Resolved::Literal("\t".to_owned()));
        }
        parts.push(Resolved::Field(field));
    }
    parts
}

fn object<R: Row>(row: &R) -> Json {
    R::FIELDS.iter().map(|field| (field.name().to_owned(), field.of(row).json())).collect::<Map<_, _>>().into()
}

/// Writes a value so that it takes one place of one line, whatever is in it.
fn escape(line: &mut Vec<u8>, value: &[u8]) {
    for &byte in value {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\t' => line.extend_from_slice(b"\\t"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            0..=31 | 127 => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ => line.push(byte),
        }
    }
}

/// Judges a write to standard output: a reader that has gone is no failure, but there is no use in going on.
///
/// # Errors
/// A silent end with status 0 when the reader has gone; else what the system said.
pub fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::silent(Exit::Done),
        _ => Failure::of(Exit::Environment, &error).while_doing("cannot write to standard output"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Program;
    use crate::domain::{ClaimStatus, TicketId};
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::path::PathBuf;

    struct Sample {
        ticket: TicketId,
        status: ClaimStatus,
        since: Option<Timestamp>,
        path: PathBuf,
    }

    impl Row for Sample {
        const KIND: &'static str = "sample";
        const FIELDS: &'static [Field<Self>] = &[
            Field::column("ticket", |row| (&row.ticket).into()),
            Field::column("status", |row| row.status.into()),
            Field::full("since", |row| row.since.into()),
            Field::column("path", |row| row.path.clone().into()),
        ];
    }

    fn samples() -> [Sample; 2] {
        [
            Sample {
                ticket: TicketId::new("00001KTJ1QJB8").unwrap(),
                status: ClaimStatus::Live,
                since: Some("2026-06-07T22:00:00Z".parse().unwrap()),
                path: "/a\tb\\".into(),
            },
            Sample {
                ticket: TicketId::new("T").unwrap(),
                status: ClaimStatus::Stale,
                since: None,
                path: OsString::from_vec(b"/\xff".to_vec()).into(),
            },
        ]
    }

    fn print(format: Format, with: impl FnOnce(Printer<'_>) -> Result<(), Failure>) -> Vec<u8> {
        let mut out = Vec::new();
        let view = View { now: "2026-06-07T22:02:25Z".parse().unwrap(), paint: Paint::Plain, width: None };
        with(Printer::new(&mut out, format, view)).unwrap();
        out
    }

    #[test]
    fn lines_have_columns_in_order_and_no_raw_control_character() {
        let out = print(Format::Lines(End::Newline), |printer| printer.list(&samples()));
        assert_eq!(out, b"00001KTJ1QJB8\tlive\t/a\\tb\\\\\nT\tstale\t/\xff\n");
    }

    #[test]
    fn records_that_end_in_nul_are_raw() {
        let out = print(Format::Lines(End::Nul), |printer| printer.list(&samples()));
        assert_eq!(out, b"00001KTJ1QJB8\tlive\t/a\tb\\\0T\tstale\t/\xff\0");
    }

    #[test]
    fn templates_name_fields() {
        let template: Template = "{{{since}}}\\t{ticket}".parse().unwrap();
        let out = print(Format::Template(template, End::Newline), |printer| printer.list(&samples()));
        assert_eq!(String::from_utf8(out).unwrap(), "{2026-06-07T22:00:00.000000Z}\t00001KTJ1QJB8\n{-}\tT\n");
    }

    #[test]
    fn an_unknown_field_is_wrong_usage_even_without_records() {
        let template: Template = "{tikcet}".parse().unwrap();
        let view = View { now: "2026-06-07T22:02:25Z".parse().unwrap(), paint: Paint::Plain, width: None };
        let mut out = Vec::new();
        let printer = Printer::new(&mut out, Format::Template(template, End::Newline), view);
        let failure = printer.list::<Sample>(&[]).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(
            failure.render(Program::Plumbing),
            "yoi-claim: a sample has no field \"tikcet\"; it has ticket, status, since, path\n"
        );
    }

    #[test]
    fn json_has_every_field_and_a_schema() {
        let out = print(Format::Json, |printer| printer.list(&samples()));
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"{"schema":1,"kind":"sample","items":[{"ticket":"00001KTJ1QJB8","status":"live","since":"2026-06-07T22:00:00.000000Z","path":"/a%09b\\"},{"ticket":"T","status":"stale","since":null,"path":"/%ff"}]}"#);
        let out = print(Format::Json, |mut printer| printer.follow(&samples()[1]));
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"{"schema":1,"kind":"sample","item":{"ticket":"T","status":"stale","since":null,"path":"/%ff"}}"#);
    }

    #[test]
    fn people_see_a_table_or_all_that_is_known_of_one() {
        let out = print(Format::Table, |printer| printer.list(&samples()));
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        TICKET         STATUS  PATH
        00001KTJ1QJB8  live    /a\tb\
        T              stale   /�
        ");
        let out = print(Format::Table, |printer| printer.one(&samples()[1]));
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        ticket  T
        status  stale
        path    /�
        ");
    }

    #[test]
    fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
        let closed = written(Err(io::ErrorKind::BrokenPipe.into())).unwrap_err();
        assert_eq!(closed, Failure::silent(Exit::Done));
        let full = written(Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(full.exit(), Exit::Environment);
        assert!(!full.render(Program::Plumbing).is_empty());
    }

    proptest! {
        #[test]
        fn a_value_never_breaks_its_line_and_can_be_read_back(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut line = Vec::new();
            escape(&mut line, &value);
            prop_assert!(!line.iter().any(u8::is_ascii_control));
            prop_assert_eq!(unescape(&line), value);
        }
    }

    fn unescape(line: &[u8]) -> Vec<u8> {
        let mut value = Vec::new();
        let mut rest = line.iter();
        while let Some(&byte) = rest.next() {
            value.push(match (byte, byte == b'\\') {
                (byte, false) => byte,
                _ => match rest.next().unwrap() {
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b'x' => {
                        let digits = [*rest.next().unwrap(), *rest.next().unwrap()];
                        u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                    }
                    other => *other,
                },
            });
        }
        value
    }
}
