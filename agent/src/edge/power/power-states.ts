/** Power states as CIM numbers them (DMTF DSP1027), as far as AMT reports them and people are told. */
export const POWER_ON = 2;
export const POWER_S3 = 4;
