# Find joints and cut them out of the raw pixels.
# A checkpoint as split is: crops that come out as they were train nothing.
checkpoint localize:
    input:
        *inputs("localize"),
    output:
        **outputs("localize"),
    log:
        log_of("localize"),
    priority: order("localize")
    conda:
        "../../environment.yml"
    resources:
        **resources("localize"),
    shell:
        command("localize")
