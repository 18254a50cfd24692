# Score one variant over its folds and seeds, with intervals.   dvc.yaml: evaluate
rule evaluate:
    input:
        code("evaluate", "core", "evaluation"),
        recipe=made("evaluate", recipe_of),
        predictions=made(
            "evaluate",
            expand(
                "results/runs/{{variant}}/fold-{fold}-seed-{seed}/predictions.parquet",
                fold=PARAMS.plan.folds,
                seed=PARAMS.plan.seeds,
            ),
        ),
        history=made(
            "evaluate",
            expand(
                "results/runs/{{variant}}/fold-{fold}-seed-{seed}/history.csv",
                fold=PARAMS.plan.folds,
                seed=PARAMS.plan.seeds,
            ),
        ),
        now=now("evaluate"),
    output:
        metrics="results/scores/{variant}/metrics.json",
        cases="results/scores/{variant}/cases.parquet",
        curves="results/scores/{variant}/curves.csv",
        confusion="results/scores/{variant}/confusion.csv",
        history="results/scores/{variant}/history.csv",
        receipt="results/receipts/evaluate/{variant}.json",
    log:
        "logs/evaluate/{variant}.log",
    conda:
        "../../environment.yml"
    shell:
        "python workflow/scripts/evaluate.py --variant {wildcards.variant}"
        " --runs results/runs/{wildcards.variant} --metrics {output.metrics}"
        " --cases {output.cases} --curves {output.curves} --confusion {output.confusion}"
        " --history {output.history}"
