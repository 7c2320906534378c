//! Header names, raw values, and typed headers that are read on demand.

mod access;
mod addr;
mod name;
mod params;
mod scan;
mod simple;
mod via;

pub use addr::{Contact, NameAddr};
pub use name::Name;
pub use params::{AuthParams, Param, Params};
pub use scan::Value;
pub use simple::{CSeq, ContentType, RAck, Reason, Refresher, Replaces, SessionExpires};
pub use via::Via;

pub(crate) use scan::{Items, is_lws, is_token};
pub(crate) use via::COOKIE;
