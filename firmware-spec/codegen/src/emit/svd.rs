//! CMSIS-SVD 1.3: the registers of BAR0, one peripheral a block, for debuggers and for
//! generators of other languages. Base addresses are offsets in the BAR.

use std::fmt::Write as _;

use crate::model::Model;
use crate::names::{camel, screaming};
use crate::schema::{Access, At, Block, Register, RegisterField, is_reserved};

/// An XML writer that keeps indentation and escapes text.
struct Xml {
    out: String,
    depth: usize,
}

impl Xml {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:1$}{text}", "", self.depth * 2);
    }

    fn text(&mut self, tag: &str, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let escaped = escape(&words.join(" "));
        self.line(&format!("<{tag}>{escaped}</{tag}>"));
    }

    fn number(&mut self, tag: &str, value: u64) {
        self.line(&format!("<{tag}>{value:#x}</{tag}>"));
    }

    fn within(&mut self, tag: &str, body: impl FnOnce(&mut Self)) {
        self.line(&format!("<{tag}>"));
        self.depth += 1;
        body(self);
        self.depth -= 1;
        self.line(&format!("</{tag}>"));
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The whole document.
pub(super) fn document(model: &Model) -> String {
    let mut xml = Xml {
        out: String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"),
        depth: 0,
    };
    xml.line(&format!("<!-- {} -->", super::BANNER));
    let attributes = "schemaVersion=\"1.3\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema-instance\" xs:noNamespaceSchemaLocation=\"CMSIS-SVD.xsd\"";
    xml.line(&format!("<device {attributes}>"));
    xml.depth += 1;
    let interface = model.interface();
    xml.text("name", &screaming(&interface.name));
    xml.text(
        "version",
        &format!("{}.{}", interface.major, interface.minor),
    );
    xml.text("description", &interface.doc);
    xml.text("addressUnitBits", "8");
    xml.text("width", "64");
    xml.within("peripherals", |xml| {
        let blocks = &model.spec().block;
        for block in blocks.iter().filter(|b| model.bar_index(&b.bar) == 0) {
            peripheral(xml, model, block);
        }
    });
    xml.depth -= 1;
    xml.line("</device>");
    xml.out
}

fn peripheral(xml: &mut Xml, model: &Model, block: &At<Block>) {
    let mut registers = model
        .spec()
        .register
        .iter()
        .filter(|r| r.block == block.name)
        .peekable();
    if registers.peek().is_none() {
        return; // the schema wants at least one
    }
    xml.within("peripheral", |xml| {
        xml.text("name", &block.name);
        xml.text("version", &block.version.to_string());
        xml.text("description", &block.doc);
        xml.number("baseAddress", block.offset);
        xml.within("addressBlock", |xml| {
            xml.number("offset", 0);
            xml.number("size", block.size);
            xml.text("usage", "registers");
        });
        xml.within("registers", |xml| {
            for r in registers {
                register(xml, model, block, r);
            }
        });
    });
}

fn register(xml: &mut Xml, model: &Model, block: &Block, r: &Register) {
    xml.within("register", |xml| {
        if let Some(array) = r.array {
            xml.text("dim", &array.count.to_string());
            xml.number("dimIncrement", array.stride);
            xml.text("name", &format!("{}[%s]", r.name));
        } else {
            xml.text("name", &r.name);
        }
        xml.text("description", &r.doc);
        xml.number("addressOffset", r.offset - block.offset);
        xml.text("size", &r.width.to_string());
        xml.number("resetValue", r.reset);
        let fixed = r.fields.iter().filter(|f| !f.volatile);
        xml.number("resetMask", fixed.fold(0, |mask, f| mask | f.bits.mask()));
        if r.fields.iter().all(|f| is_reserved(&f.name)) {
            return; // the schema wants at least one field
        }
        xml.within("fields", |xml| {
            for f in r.fields.iter().filter(|f| !is_reserved(&f.name)) {
                field(xml, model, f);
            }
        });
    });
}

fn field(xml: &mut Xml, model: &Model, f: &RegisterField) {
    xml.within("field", |xml| {
        xml.text("name", &f.name);
        xml.text("description", &f.doc);
        xml.text("bitRange", &format!("[{}:{}]", f.bits.hi, f.bits.lo));
        let (access, written, read) = match f.access {
            Access::Ro => ("read-only", None, None),
            Access::Rw => ("read-write", None, None),
            Access::Rc => ("read-only", None, Some("clear")),
            Access::Wo => ("write-only", None, None),
            Access::W1c => ("read-write", Some("oneToClear"), None),
            Access::W1s => ("read-write", Some("oneToSet"), None),
        };
        xml.text("access", access);
        if let Some(written) = written {
            xml.text("modifiedWriteValues", written);
        }
        if let Some(read) = read {
            xml.text("readAction", read);
        }
        let Some(name) = &f.enum_name else { return };
        let Some(item) = model.spec().enums.iter().find(|e| e.name == *name) else {
            return;
        };
        xml.within("enumeratedValues", |xml| {
            xml.text("name", &camel(&item.name));
            for v in &item.values {
                xml.within("enumeratedValue", |xml| {
                    xml.text("name", &v.name);
                    xml.text("description", &v.doc);
                    xml.number("value", v.value);
                });
            }
        });
    });
}
