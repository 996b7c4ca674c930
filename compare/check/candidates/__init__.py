"""The mistakes that people make, each computed, and held against every case that failed."""
