"""The page's own style, beside Streamlit's; every colour is readable on dark and on light."""

STYLE = """
.rp-research { position: fixed; left: 0; right: 0; bottom: 0; z-index: 1000000; margin: 0;
  padding: 0.5rem 1rem; background: #4a1d00; color: #fff; font-weight: 600; text-align: center; }
.stMainBlockContainer { padding-bottom: 6rem; padding-top: 3rem; }
.stMainBlockContainer h1 { font-size: 1.6rem; padding: 0.8rem 0 1rem; }
.stMainBlockContainer h2 { font-size: 1.35rem; padding: 0.6rem 0 1rem; }
.stMainBlockContainer h3 { font-size: 1.1rem; padding: 0 0 1rem; }
.stMainBlockContainer .stVerticalBlock { gap: 0.6rem; }
.rp-answer { border-left: 0.6rem solid; padding: 0.2rem 0 0.2rem 1rem; }
.rp-answer p { margin: 0 0 0.3rem; }
.rp-number { font-size: 1.4rem; font-weight: 600; }
.rp-green { border-color: #2e9e44; } .rp-orange { border-color: #e68a00; }
.rp-red { border-color: #d9363e; }
.rp-picture { width: 100%; max-width: 30rem; image-rendering: pixelated; }
.rp-table { border-collapse: collapse; } .rp-table caption { text-align: left; }
.rp-table th, .rp-table td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; font-weight: 400; }
"""
