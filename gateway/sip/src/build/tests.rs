//! Tests of the build module.
