# Read patients, targets and covariates from the study's own layout.   dvc.yaml: index
rule index:
    input:
        code("index", "core", "imaging", "studies/base"),
        adapter,
        manifest=made("index", "data/{study}/manifest.csv"),
        now=now("index"),
    output:
        cases="data/{study}/cases.parquet",
        boxes="data/{study}/boxes.parquet",
        receipt="results/receipts/index/{study}.json",
    log:
        "logs/index/{study}.log",
    priority: FIRST["index"]
    conda:
        "../../environment.yml"
    shell:
        "python workflow/scripts/index.py --study {wildcards.study} --manifest {input.manifest}"
        " --out {output.cases} --boxes {output.boxes}"
