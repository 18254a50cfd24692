# Find joints and cut them out of the raw pixels.   dvc.yaml: localize
# A checkpoint as split is: once the crops are settled, recipes can be foreseen.
checkpoint localize:
    input:
        code("localize", "core", "imaging", "learning", "studies/base", "figures"),
        adapter,
        manifest=made("localize", "data/{study}/manifest.csv"),
        cases=made("localize", "data/{study}/cases.parquet"),
        boxes=made("localize", "data/{study}/boxes.parquet"),
        store=made("localize", "data/{study}/store"),
        split=made("localize", "data/{study}/split.parquet"),
        now=now("localize"),
    output:
        crops=directory("data/{study}/crops"),
        detector="data/{study}/detector.safetensors",
        joints="data/{study}/joints.parquet",
        summary="results/studies/{study}/localize.json",
        picture=report(
            "results/studies/{study}/joints.png",
            caption="../report/joints.rst",
            category="Data",
            labels={"study": "{study}", "figure": "joints"},
        ),
        receipt="results/receipts/localize/{study}.json",
    log:
        "logs/localize/{study}.log",
    priority: FIRST["localize"]
    conda:
        "../../environment.yml"
    # Its detector learns on one; where it cuts crops, which takes less time, it uses all there are.
    threads: 1
    shell:
        "python workflow/scripts/localize.py --study {wildcards.study} --manifest {input.manifest}"
        " --cases {input.cases} --boxes {input.boxes} --store {input.store} --split {input.split}"
        " --out {output.crops} --detector {output.detector} --joints {output.joints}"
        " --summary {output.summary} --picture {output.picture}"
