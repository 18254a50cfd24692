# Predict `tune`, and `test` if its study is opened.
rule predict:
    input:
        *inputs("predict"),
    output:
        **outputs("predict"),
    log:
        log_of("predict"),
    priority: order("predict")
    conda:
        "../../environment.yml"
    threads: threads
    resources:
        **resources("predict"),
    shell:
        command("predict")
