# Rank the variants of every study, test them in pairs, draw the plots.   dvc.yaml: compare
rule compare:
    input:
        code("compare", "core", "evaluation", "figures"),
        scores=made(
            "compare",
            expand(
                "results/scores/{variant}/{file}",
                variant=PARAMS.variants,
                file=[
                    "metrics.json",
                    "cases.parquet",
                    "curves.csv",
                    "confusion.csv",
                    "history.csv",
                ],
            ),
        ),
        now=now("compare"),
    output:
        tables=directory("results/comparison"),
        figures=report(
            directory("results/figures"),
            patterns=["{study}-{figure}.png"],
            caption="../report/figures.rst",
            category="Comparison",
            subcategory="{study}",
            labels={"study": "{study}", "figure": "{figure}"},
        ),
        receipt="results/receipts/compare/all.json",
    log:
        "logs/compare/all.log",
    conda:
        "../../environment.yml"
    shell:
        "python workflow/scripts/compare.py --scores results/scores --tables {output.tables}"
        " --figures {output.figures}"
