//! Tests of the digest module.
