# List the files of a study and their hashes; make or download them first.   dvc.yaml: fetch
rule fetch:
    input:
        code("fetch", "core", "imaging", "studies/base"),
        adapter,
        now=now("fetch"),
    output:
        manifest="data/{study}/manifest.csv",
        receipt="results/receipts/fetch/{study}.json",
    log:
        "logs/fetch/{study}.log",
    priority: FIRST["fetch"]
    localrule: True
    conda:
        "../../environment.yml"
    shell:
        "python workflow/scripts/fetch.py --study {wildcards.study} --out {output.manifest}"
