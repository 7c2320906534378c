//! Tests of the admission module.
