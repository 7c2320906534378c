//! Tests of the frame module.
