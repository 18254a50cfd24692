"""The page for reviewers: results in, one self-contained HTML file out."""
