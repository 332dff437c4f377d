//! What is made once for the arrays of one form.

use std::sync::Arc;

use crate::encode::Encoder;
use crate::shards::Shards;

/// What stores the chunks of arrays of one form.
pub(crate) struct OfForm {
    pub(crate) encoder: Arc<Encoder>,
    /// `None` without shards.
    pub(crate) shards: Option<Shards>,
}
