//! Tests of the fronts.
