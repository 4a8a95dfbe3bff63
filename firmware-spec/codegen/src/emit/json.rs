//! The machine-readable export: the specification's own tables, checked and in order.

use anyhow::Context;

use crate::model::Model;

/// Everything, as JSON.
pub(super) fn document(model: &Model) -> anyhow::Result<String> {
    let mut text =
        serde_json::to_string_pretty(model.spec()).context("the specification is not JSON")?;
    text.push('\n');
    Ok(text)
}
