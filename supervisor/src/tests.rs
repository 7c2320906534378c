//! The whole service with a gateway and a store that are not real: rights, logins, commands, feed.

mod fake;
mod feed;
mod rest;
