//! Tests of the message module.
