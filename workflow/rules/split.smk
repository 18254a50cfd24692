# Draw parts and folds by patient; refuse or group leaks.   dvc.yaml: split
# A checkpoint: once data are settled, recipes can be foreseen, and work upstream that leaves a
# recipe as it was retrains nothing.
checkpoint split:
    input:
        code("split", "core", "imaging", "splitting"),
        cases=made("split", "data/{study}/cases.parquet"),
        store=made("split", "data/{study}/store"),
        now=now("split"),
    output:
        split="data/{study}/split.parquet",
        leaks="data/{study}/leaks.csv",
        summary="results/studies/{study}/split.json",
        receipt="results/receipts/split/{study}.json",
    log:
        "logs/split/{study}.log",
    priority: FIRST["split"]
    conda:
        "../../environment.yml"
    shell:
        "python workflow/scripts/split.py --study {wildcards.study} --cases {input.cases}"
        " --store {input.store} --out {output.split} --leaks {output.leaks}"
        " --summary {output.summary}"
