//! Tests of the uri module.
